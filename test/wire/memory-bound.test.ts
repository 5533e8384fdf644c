import { expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { FIRST_FRAME_BYTES } from '../../src/limits.ts';
import { Demux } from '../../src/wire/demux.ts';
import { Mux } from '../../src/wire/mux.ts';
import { HELLO, Recorder, settle } from '../helpers/wire/harness.ts';

const MiB = 2 ** 20;
const TOTAL = 64 * MiB;
const CAPACITY = MiB;
/** How much must be free before a waiting writer is woken. */
const WAKE_BYTES = CAPACITY / 4;
/** Frame headers and control frames of what is in the ring, with a margin. */
const FRAMING = 8_192;

test('64 MiB through a slow consumer never need more memory than the ring', async () => {
  const source = Ring.create(CAPACITY);
  const target = Ring.create(CAPACITY);
  const recorder = new Recorder(() => target);
  const mux = new Mux(HELLO);
  const demux = new Demux(recorder);
  mux.open({ kind: 'tree', name: '' }, source);
  mux.finish();
  const seen = { produced: 0, consumed: 0, largestLead: 0, waits: 0 };
  const before = process.memoryUsage().arrayBuffers;

  while (!mux.finished) {
    seen.produced += produce(source, TOTAL - seen.produced);
    for (const view of mux.next() ?? []) {
      const pushed = demux.push(view);
      seen.largestLead = Math.max(seen.largestLead, demux.wireBytes - seen.consumed);
      if (pushed === undefined) continue;
      // The consumer takes anything only here, when it blocks, and no more than wakes it.
      seen.waits += 1;
      seen.consumed += consume(target, WAKE_BYTES);
      await pushed;
    }
    mux.written();
  }
  seen.consumed += consume(target, Infinity);

  expect(recorder.fins).toMatchObject([{ bytes: TOTAL }]);
  expect(seen.consumed).toBe(TOTAL);
  expect(seen.waits).toBeGreaterThan((TOTAL - CAPACITY) / WAKE_BYTES - 1);
  const framing = demux.wireBytes - TOTAL;
  expect(seen.largestLead - framing).toBeLessThanOrEqual(CAPACITY);
  expect(framing).toBeLessThan(2 * FRAMING + (TOTAL / FIRST_FRAME_BYTES) * 32);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * MiB);
});

test('nothing is allocated for what a peer declares', async () => {
  const before = process.memoryUsage().arrayBuffers;
  const recorder = new Recorder(() => Ring.create(16));
  const demuxes = Array.from({ length: 100 }, () => new Demux(recorder));
  const mux = new Mux(HELLO);
  const start = Buffer.concat(mux.next()!);
  for (const demux of demuxes) {
    expect(demux.push(start)).toBeUndefined();
    // BEAT of 4 GiB - 1
    const header = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    expect(() => demux.push(header)).toThrow(expect.objectContaining({ code: 'corrupt' }));
  }
  await settle();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * MiB);
});

/** Fills free bytes with whatever is in them. Returns how many. */
function produce(ring: Ring, most: number): number {
  if (most === 0) return 0;
  const count = Math.min(ring.writable().length, most);
  ring.produced(count);
  if (count === most) ring.end();
  return count;
}

function consume(ring: Ring, most: number): number {
  let consumed = 0;
  for (;;) {
    const count = Math.min(ring.readable().length, most - consumed);
    if (count === 0) return consumed;
    ring.consumed(count);
    consumed += count;
  }
}
