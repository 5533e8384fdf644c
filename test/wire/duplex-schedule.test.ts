import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { DuplexLink } from '../helpers/wire/duplex.ts';
import { settle, someBytes } from '../helpers/wire/harness.ts';

const RING_BYTES = 64;
/** Less than a frame, so that writes are split. */
const PIPE_BYTES = 50;
const STREAM_BYTES = 400;

/** One event, on stream `stream` of the sender if it concerns one. */
interface Step {
  what: 'fill' | 'write' | 'read' | 'consume' | 'settle';
  side: 'sender' | 'receiver';
  stream: number;
  bytes: number;
}

const steps = fc.array(
  fc.record<Step>({
    what: fc.constantFrom('fill', 'write', 'read', 'consume', 'settle'),
    side: fc.constantFrom('sender', 'receiver'),
    stream: fc.nat(2),
    bytes: fc.integer({ min: 1, max: 90 }),
  }),
  { maxLength: 120 },
);

test('bytes, limits and ends are correct for any schedule of both sides', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const run = new Schedule();
      for (const step of plan) {
        await run.take(step);
        expectBounds(run);
      }
      await run.complete(() => expectBounds(run));
      expectWhole(run);
    }),
    { numRuns: 100 },
  );
});

/** The reader never waits, and no stream holds more than its ring. */
function expectBounds({ link: { sender, receiver } }: Schedule): void {
  expect([sender.demux.waiting, receiver.demux.waiting]).toEqual([false, false]);
  for (const id of receiver.recorder.received.keys()) {
    expect(receiver.recorder.held(id)).toBeLessThanOrEqual(RING_BYTES);
  }
}

function expectWhole({ link: { sender, receiver }, contents }: Schedule): void {
  for (const [i, bytes] of contents.entries()) {
    expect(receiver.recorder.content(i + 1)).toEqual(bytes);
    expect(receiver.recorder.of(i + 1).ring.drained).toBe(true);
  }
  expect(receiver.recorder.fins[0]?.digest).toBe(sender.mux.digest);
  expect(receiver.demux.wireBytes).toBe(sender.mux.wireBytes);
  expect(sender.demux.wireBytes).toBe(receiver.mux.wireBytes);
}

/** A transfer of three streams on a link that is stepped manually. */
class Schedule {
  readonly link = new DuplexLink({ capacity: RING_BYTES, pipeBytes: PIPE_BYTES });
  readonly contents = [0, 1, 2].map((seed) => someBytes(STREAM_BYTES, seed));
  readonly #sources = this.contents.map(() => ({ ring: Ring.create(RING_BYTES), filled: 0 }));

  constructor() {
    const { mux } = this.link.sender;
    for (const [i, { ring }] of this.#sources.entries())
      mux.open({ kind: 'tree', name: `c${i}` }, ring);
    mux.finish();
  }

  async take({ what, side, stream, bytes }: Step): Promise<void> {
    if (what === 'fill') this.#fill(stream, bytes);
    if (what === 'write') this.link[side].write();
    if (what === 'read') this.link[side].read();
    if (what === 'consume') this.#consume(stream, bytes);
    if (what === 'settle') await settle();
  }

  /** Continues until nothing moves any more. */
  async complete(look: () => void): Promise<void> {
    await this.link.run(() => {
      let moved = 0;
      for (const stream of this.#sources.keys()) {
        moved += this.#fill(stream, 50) + this.#consume(stream, 33);
      }
      look();
      return moved > 0;
    });
  }

  #fill(stream: number, bytes: number): number {
    const source = this.#sources[stream]!;
    const content = this.contents[stream]!;
    if (source.filled === content.length) return 0;
    const written = source.ring.write(content.subarray(source.filled, source.filled + bytes));
    source.filled += written;
    if (source.filled === content.length) source.ring.end();
    return written;
  }

  #consume(stream: number, bytes: number): number {
    const { recorder } = this.link.receiver;
    return recorder.received.has(stream + 1) ? recorder.read(stream + 1, bytes) : 0;
  }
}
