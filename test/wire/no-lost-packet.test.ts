import { describe, expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { Demux } from '../../src/wire/demux.ts';
import { Mux } from '../../src/wire/mux.ts';
import { DroppingRing, EndDroppingRing } from '../helpers/wire/dropping-ring.ts';
import {
  HELLO,
  nextFrame,
  receiveAll,
  Recorder,
  recordTransfer,
  settle,
  someBytes,
  until,
} from '../helpers/wire/harness.ts';

/*
 * The bug that this project originates from (apple/container-builder-shim#80): a demultiplexer with a
 * queue of 32 packets per stream dropped what came while the queue was full. If that was the packet
 * with the completion mark, the receiver waited for ever.
 */
const PACKETS = 64;
const QUEUE_PACKETS = 32;
const PACKET_BYTES = 128;
const RUNS = 20;

type CreateRing = (capacity: number) => Ring;

interface Outcome {
  /** What the consumer received. */
  delivered: Uint8Array;
  /** The consumer saw the end of its stream. */
  completed: boolean;
  /** The demux has verified END and FIN. */
  verified: boolean;
}

/** Sends the packets while nobody reads, then reads one packet per step until nothing moves. */
async function sendThroughShortQueue(createRing: CreateRing): Promise<Outcome> {
  const recorder = new Recorder(() => createRing(QUEUE_PACKETS * PACKET_BYTES));
  const demux = new Demux(recorder);
  const sent = { frames: packetFrames(), next: 0, blocked: false };
  const send = () => {
    while (!sent.blocked && sent.next < sent.frames.length) {
      const pushed = demux.push(sent.frames[sent.next++]!);
      if (pushed === undefined) continue;
      sent.blocked = true;
      void pushed.then(() => (sent.blocked = false));
    }
  };
  send();
  for (let idle = 0; idle < 3;) {
    const before = sent.next;
    idle = recorder.read(1, PACKET_BYTES) > 0 ? 0 : idle + 1;
    await settle();
    send();
    if (sent.next > before) idle = 0;
  }
  const { ring } = recorder.of(1);
  const verified = recorder.of(1).end !== undefined && recorder.fins.length === 1;
  return { delivered: recorder.content(1), completed: ring.drained, verified };
}

/** HELLO, OPEN, one frame per packet, END, FIN. */
function packetFrames(): Uint8Array[] {
  const mux = new Mux(HELLO);
  const ring = Ring.create(PACKET_BYTES);
  mux.open({ kind: 'tree', name: '' }, ring);
  const frames = [nextFrame(mux)!, nextFrame(mux)!];
  for (let packet = 0; packet < PACKETS; packet++) {
    ring.write(packetBytes(packet));
    frames.push(nextFrame(mux)!);
  }
  ring.end();
  mux.finish();
  frames.push(nextFrame(mux)!, nextFrame(mux)!);
  return frames;
}

const packetBytes = (packet: number) => someBytes(PACKET_BYTES, packet);
const EXPECTED = Uint8Array.from(
  Buffer.concat(Array.from({ length: PACKETS }, (_, packet) => packetBytes(packet))),
);

/** The property under test. */
async function expectNothingLost(createRing: CreateRing): Promise<void> {
  const { delivered, completed, verified } = await sendThroughShortQueue(createRing);
  expect(delivered).toEqual(EXPECTED);
  expect(completed).toBe(true);
  expect(verified).toBe(true);
}

describe('64 packets through a queue of 32 with a slow consumer', () => {
  test(`every packet is delivered in order, and the end is seen, ${RUNS} times in a row`, async () => {
    for (let run = 0; run < RUNS; run++) await expectNothingLost((bytes) => Ring.create(bytes));
  });

  test('are not all delivered if the queue drops what does not fit', async () => {
    await expect(expectNothingLost((bytes) => DroppingRing.create(bytes))).rejects.toThrow();
    const { delivered } = await sendThroughShortQueue((bytes) => DroppingRing.create(bytes));
    expect(delivered.length).toBe(QUEUE_PACKETS * PACKET_BYTES);
  });

  test('never end if the queue drops the completion mark', async () => {
    await expect(expectNothingLost((bytes) => EndDroppingRing.create(bytes))).rejects.toThrow();
    const { completed } = await sendThroughShortQueue((bytes) => EndDroppingRing.create(bytes));
    expect(completed).toBe(false);
  });
});

describe('while a consumer does not read', () => {
  /** Two streams, interleaved, each larger than its ring. */
  function startTransfer() {
    const recorder = new Recorder(() => Ring.create(256));
    const demux = new Demux(recorder);
    const run = { recorder, demux, done: false };
    const connection = recordTransfer({ a: someBytes(1_000), b: someBytes(1_000, 1) });
    void demux.push(connection)?.then(() => (run.done = true));
    return run;
  }

  test('push stays pending, reports which stream it waits for, and keeps every byte', async () => {
    const run = startTransfer();
    const { demux } = run;
    await settle();
    expect(demux.waiting).toBe(true);
    expect(demux.waitingFor).toMatchObject({ id: 1, name: 'a' });
    const { wireBytes } = demux;
    for (let turn = 0; turn < 20; turn++) await settle();
    expect([run.done, demux.wireBytes]).toEqual([false, wireBytes]);
    const misuse = expect.objectContaining({ code: 'internal' });
    expect(() => demux.push(new Uint8Array(1))).toThrow(misuse);
    expect(() => demux.eof()).toThrow(misuse);
  });

  test('another stream waits with it, and both arrive completely once it reads', async () => {
    const run = startTransfer();
    const { recorder, demux } = run;
    await until(() => {
      recorder.read(1, 100);
      return demux.waitingFor?.id === 2;
    });
    await until(() => {
      recorder.read(2, 100);
      return run.done;
    });
    expect(recorder.content(1)).toEqual(someBytes(1_000));
    expect(recorder.content(2)).toEqual(someBytes(1_000, 1));
    expect([demux.waiting, demux.waitingFor, demux.finished]).toEqual([false, undefined, true]);
  });

  test('cancelling its ring wakes push and discards its bytes; the other stream is complete', async () => {
    const run = startTransfer();
    const { recorder, demux } = run;
    await settle();
    recorder.of(1).ring.cancel();
    await until(() => demux.waitingFor?.id === 2);
    await until(() => {
      recorder.read(2, 100);
      return run.done;
    });
    expect(recorder.content(2)).toEqual(someBytes(1_000, 1));
    expect(demux.finished).toBe(true);
  });

  test('cancelling every ring lets push complete', async () => {
    const run = startTransfer();
    await settle();
    for (const { ring } of run.recorder.received.values()) ring.cancel();
    await until(() => run.done);
    expect(run.demux.finished).toBe(true);
  });

  test('a ring that was cancelled before its first byte blocks nothing', () => {
    const recorder = new Recorder(() => {
      const ring = Ring.create(16);
      ring.cancel();
      return ring;
    });
    expect(receiveAll([recordTransfer({ a: someBytes(1_000) })], recorder).clean).toBe(true);
  });
});
