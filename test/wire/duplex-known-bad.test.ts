import { describe, expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { ArrivalRing, sharedWindow, WriteBeforeReadSide } from '../helpers/wire/bad-duplex.ts';
import { DuplexLink, type DuplexSide } from '../helpers/wire/duplex.ts';
import { fullRing, someBytes } from '../helpers/wire/harness.ts';

/*
 * The promise of duplex: a stream that nobody reads stops at its own ring, and delays no other, in
 * either direction. The test is only useful if it fails on multiplexers that do not keep this promise.
 */
const CAPACITY = 1_024;
/** Much more than all rings and the transport together. */
const STREAM_BYTES = 8 * CAPACITY;
const PIPE_BYTES = 256;
/** The first stream of either direction. */
const STALLED = 1;
const OTHERS = [2, 3, 4];

type CreateLink = (capacity: number, pipeBytes: number) => DuplexLink;

interface Outcome {
  /** Every stream except the stalled one arrived completely, with its END verified. */
  othersArrived: boolean;
  /** Bytes of the stalled stream that the receiver holds. */
  held: number;
  /** The reader of the transport waits for a consumer. */
  waiting: boolean;
}

const content = (id: number) => someBytes(STREAM_BYTES, id);

function openStreams({ mux }: DuplexSide): void {
  for (const id of [STALLED, ...OTHERS])
    mux.open({ kind: 'tree', name: `c${id}` }, fullRing(content(id)));
  mux.finish();
}

/** Both directions send; all streams are read at once, except the stalled ones. */
async function runStalled(link: DuplexLink): Promise<{ forth: Outcome; back: Outcome }> {
  openStreams(link.sender);
  openStreams(link.receiver);
  await link.run(() => {
    const consumed = [link.sender, link.receiver].map((side) => readSome(side, OTHERS));
    return consumed.some((count) => count > 0);
  });
  return { forth: outcomeAt(link.receiver), back: outcomeAt(link.sender) };
}

function readSome({ recorder }: DuplexSide, ids: number[]): number {
  let consumed = 0;
  for (const id of ids) if (recorder.received.has(id)) consumed += recorder.read(id);
  return consumed;
}

function outcomeAt({ recorder, demux }: DuplexSide): Outcome {
  const othersArrived = OTHERS.every((id) => {
    if (recorder.received.get(id)?.end === undefined) return false;
    return Buffer.compare(recorder.content(id), content(id)) === 0;
  });
  return { othersArrived, held: recorder.held(STALLED), waiting: demux.waiting };
}

/** The property under test. */
async function expectIsolation(createLink: CreateLink): Promise<void> {
  const link = createLink(CAPACITY, PIPE_BYTES);
  const { forth, back } = await runStalled(link);
  const isolated: Outcome = { othersArrived: true, held: CAPACITY, waiting: false };
  expect({ forth, back }).toEqual({ forth: isolated, back: isolated });

  // The stalled ones were only delayed: once they are read, they arrive completely.
  await link.run(() => {
    const consumed = [link.sender, link.receiver].map((side) => readSome(side, [STALLED]));
    return consumed.some((count) => count > 0);
  });
  for (const { recorder } of [link.sender, link.receiver]) {
    expect(recorder.content(STALLED)).toEqual(content(STALLED));
    expect(recorder.fins.length).toBe(1);
  }
}

const real: CreateLink = (capacity, pipeBytes) => new DuplexLink({ capacity, pipeBytes });

const grantsOnArrival: CreateLink = (capacity, pipeBytes) =>
  new DuplexLink({ capacity, pipeBytes, createRing: (bytes) => ArrivalRing.create(bytes) });

const sharesOneWindow: CreateLink = (capacity, pipeBytes) =>
  new DuplexLink({ capacity, pipeBytes, createSide: sharedWindow() });

const writesBeforeItReads: CreateLink = (capacity, pipeBytes) =>
  new DuplexLink({ capacity, pipeBytes, createSide: (side) => new WriteBeforeReadSide(side) });

describe('a stream that nobody reads, among others, in both directions', () => {
  test('stops at its ring and delays no other', async () => {
    await expectIsolation(real);
  });

  test('delays the others if credit is granted on arrival', async () => {
    await expect(expectIsolation(grantsOnArrival)).rejects.toThrow();
    const { forth } = await runStalled(grantsOnArrival(CAPACITY, PIPE_BYTES));
    expect(forth).toMatchObject({ othersArrived: false, held: CAPACITY, waiting: true });
  });

  test('delays the others if all streams share one window', async () => {
    await expect(expectIsolation(sharesOneWindow)).rejects.toThrow();
    const { forth } = await runStalled(sharesOneWindow(CAPACITY, PIPE_BYTES));
    expect(forth).toMatchObject({ othersArrived: false, waiting: false });
  });

  test('delays the others if the reader waits for a write before it reads on', async () => {
    await expect(expectIsolation(writesBeforeItReads)).rejects.toThrow();
    const link = writesBeforeItReads(CAPACITY, PIPE_BYTES);
    const { forth } = await runStalled(link);
    expect(forth).toMatchObject({ othersArrived: false, waiting: false });
    // Each waits for the other to read.
    expect([link.sender.writing, link.receiver.writing]).toEqual([true, true]);
  });

  test('blocks nothing if all streams are read, even with the faulty multiplexers', async () => {
    for (const createLink of [real, grantsOnArrival, sharesOneWindow]) {
      const link = createLink(CAPACITY, 1_000_000);
      openStreams(link.sender);
      await link.run(() => readSome(link.receiver, [STALLED, ...OTHERS]) > 0);
      expect(link.receiver.recorder.fins.length).toBe(1);
    }
  });

  test('may be the last one as well', async () => {
    const link = new DuplexLink({ capacity: CAPACITY, pipeBytes: PIPE_BYTES });
    const { sender, receiver } = link;
    openStreams(sender);
    await link.run(() => readSome(receiver, [1, 2, 3]) > 0);
    for (const id of [1, 2, 3]) expect(receiver.recorder.content(id)).toEqual(content(id));
    expect(receiver.recorder.held(4)).toBe(CAPACITY);
  });

  test('delays no other when its consumer has cancelled it either', async () => {
    const link = new DuplexLink({ capacity: CAPACITY, pipeBytes: PIPE_BYTES });
    openStreams(link.sender);
    await link.run(() => {
      link.receiver.recorder.received.get(STALLED)?.ring.cancel();
      return readSome(link.receiver, OTHERS) > 0;
    });
    expect(outcomeAt(link.receiver)).toMatchObject({ othersArrived: true, waiting: false });
  });

  test('fills a larger ring only up to the credit in HELLO', async () => {
    const link = new DuplexLink({ capacity: 64, createRing: () => Ring.create(4 * CAPACITY) });
    openStreams(link.sender);
    await link.run();
    for (const id of [STALLED, ...OTHERS]) expect(link.receiver.recorder.held(id)).toBe(64);
  });
});
