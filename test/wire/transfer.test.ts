import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { Demux } from '../../src/wire/demux.ts';
import { Mux } from '../../src/wire/mux.ts';
import {
  HELLO,
  nextFrame,
  receiveAll,
  Recorder,
  recordTransfer,
  someBytes,
  until,
} from '../helpers/wire/harness.ts';

test('several streams arrive in parallel, in any slicing of the connection', () => {
  const contents = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 });
  const slices = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(contents, slices, (streams, plan) => {
      const named = Object.fromEntries(streams.map((bytes, i) => [`c${i}`, bytes]));
      const { clean, recorder } = receiveAll(sliced(recordTransfer(named), plan));
      expect(clean).toBe(true);
      streams.forEach((bytes, i) => expect(recorder.content(i + 1)).toEqual(bytes));
    }),
    { numRuns: 200 },
  );
});

/** One event on either side, on stream `stream` if it concerns one. */
interface Step {
  what: 'write' | 'send' | 'read';
  stream: number;
  bytes: number;
}

const steps = fc.array(
  fc.record<Step>({
    what: fc.constantFrom('write', 'send', 'read'),
    stream: fc.nat(2),
    bytes: fc.integer({ min: 1, max: 90 }),
  }),
  { maxLength: 120 },
);

test('bytes, order and ends are correct for any schedule of writers, transport and readers', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const run = new Schedule(3, 400, 64);
      for (const step of plan) run.take(step);
      await run.complete();
      expect(run.recorder.fins.length).toBe(1);
      for (const id of [1, 2, 3]) {
        expect(run.recorder.content(id)).toEqual(run.contents[id - 1]);
        expect(run.recorder.of(id).ring.drained).toBe(true);
      }
      expect(run.recorder.fins[0]?.digest).toBe(run.mux.digest);
      expect(run.demux.wireBytes).toBe(run.mux.wireBytes);
      expect(run.demux.payloadBytes).toBe(3 * 400);
      expect(run.mux.payloadBytes).toBe(3 * 400);
    }),
    { numRuns: 100 },
  );
});

/** Both ends of a connection that carries one frame at a time, stepped manually. */
class Schedule {
  readonly contents: Uint8Array[];
  readonly recorder: Recorder;
  readonly mux = new Mux(HELLO);
  readonly demux: Demux;
  readonly #sources: { ring: Ring; sent: number; ended: boolean }[];
  #pushing = false;

  constructor(streams: number, bytes: number, capacity: number) {
    this.contents = Array.from({ length: streams }, (_, seed) => someBytes(bytes, seed));
    this.recorder = new Recorder(() => Ring.create(capacity));
    this.demux = new Demux(this.recorder);
    this.#sources = this.contents.map((_, i) => {
      const ring = Ring.create(capacity);
      this.mux.open({ kind: 'tree', name: `c${i}` }, ring);
      return { ring, sent: 0, ended: false };
    });
    this.mux.finish();
  }

  take({ what, stream, bytes }: Step): void {
    if (what === 'write') this.#write(stream, bytes);
    else if (what === 'send') this.#send();
    else if (this.recorder.received.has(stream + 1)) this.recorder.read(stream + 1, bytes);
  }

  /** Continues until the receiver has everything. */
  async complete(): Promise<void> {
    await until(() => {
      for (const stream of this.contents.keys()) {
        this.take({ what: 'write', stream, bytes: 50 });
        this.take({ what: 'send', stream, bytes: 0 });
        this.take({ what: 'read', stream, bytes: 33 });
      }
      return this.demux.finished;
    });
    this.demux.eof();
  }

  #write(stream: number, bytes: number): void {
    const source = this.#sources[stream]!;
    const content = this.contents[stream]!;
    source.sent += source.ring.write(content.subarray(source.sent, source.sent + bytes));
    if (source.sent < content.length || source.ended) return;
    source.ended = true;
    source.ring.end();
  }

  #send(): void {
    if (this.#pushing) return;
    const frame = nextFrame(this.mux);
    const pushed = frame && this.demux.push(frame);
    if (pushed === undefined) return;
    this.#pushing = true;
    void pushed.then(() => (this.#pushing = false));
  }
}

function* sliced(bytes: Uint8Array, plan: number[]): Iterable<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = plan[i % plan.length]!;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}
