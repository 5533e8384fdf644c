import { describe, expect, test } from 'vitest';
import { MAX_STREAMS } from '../../src/limits.ts';
import { FrameType, MAGIC } from '../../src/wire/frame.ts';
import { Mux } from '../../src/wire/mux.ts';
import { DuplexLink, hearingSide, isData } from '../helpers/wire/duplex.ts';
import {
  allFrames,
  BEAT,
  FAILURE,
  fullRing,
  HELLO,
  nextFrame,
  type Recorder,
  settle,
  someBytes,
} from '../helpers/wire/harness.ts';

const SENDER = { ...HELLO, mode: 'duplex', credit: 16 } as const;
const ANSWER = { ...SENDER, role: 'receiver', credit: 16 } as const;
const CAPACITY = 1_024;
const RECEIPT = { transferId: HELLO.transferId, digest: 'ab'.repeat(32) };

/** The magic is written with HELLO. */
const typeOf = (frame: Uint8Array) => (frame[0] === MAGIC[0] ? FrameType.hello : frame[4]!);
const streamOf = (frame: Uint8Array) => frame[6]! * 256 + frame[7]!;
const limitOf = (frame: Uint8Array) => JSON.parse(Buffer.from(frame.subarray(16)).toString()).limit;

/** A sender's mux that has sent HELLO and OPEN of one stream with these bytes. */
function senderOf(bytes: Uint8Array): Mux {
  const mux = new Mux(SENDER);
  mux.open({ kind: 'tree', name: '' }, fullRing(bytes));
  expect([nextFrame(mux), nextFrame(mux)].map((each) => each !== undefined)).toEqual([true, true]);
  return mux;
}

describe('a sender', () => {
  test('sends no DATA before the HELLO of its receiver sets the limit', async () => {
    const mux = senderOf(someBytes(40));
    expect(nextFrame(mux)).toBeUndefined();
    let ready = false;
    void mux.ready().then(() => (ready = true));
    await settle();
    expect(ready).toBe(false);
    mux.setFirstCredit(16);
    await settle();
    expect(ready).toBe(true);
    expect(nextFrame(mux)?.length).toBe(16 + 16);
    expect(nextFrame(mux)).toBeUndefined();
  });

  test('stops at the limit, and continues with the next bytes when CREDIT comes', async () => {
    const bytes = someBytes(40);
    const mux = senderOf(bytes);
    mux.setFirstCredit(16);
    const first = nextFrame(mux)!;
    let ready = false;
    void mux.ready().then(() => (ready = true));
    await settle();
    expect(ready).toBe(false);
    expect([mux.outOfCredit, mux.creditBytes]).toEqual([true, 0]);
    expect(mux.raiseLimit(1, 30)).toBe(true);
    expect([mux.outOfCredit, mux.creditBytes]).toEqual([false, 14]);
    await settle();
    expect(ready).toBe(true);
    const second = nextFrame(mux)!;
    expect(nextFrame(mux)).toBeUndefined();
    expect(Buffer.concat([first.subarray(16), second.subarray(16)])).toEqual(
      Buffer.from(bytes.subarray(0, 30)),
    );
  });

  test('gives a stream that it opens later the same first credit', () => {
    const mux = new Mux(SENDER);
    mux.setFirstCredit(16);
    mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(40)));
    const data = allFrames(mux).filter((frame) => typeOf(frame) === FrameType.data);
    expect(data.map((frame) => frame.length)).toEqual([16 + 16]);
  });

  test.each([0, 16])('needs no credit for END after %i bytes, which reach its limit', (count) => {
    const mux = senderOf(someBytes(count));
    if (count > 0) mux.setFirstCredit(count);
    mux.finish();
    const types = allFrames(mux).map(typeOf);
    expect(types.slice(-2)).toEqual([FrameType.end, FrameType.fin]);
  });

  test('sends ERROR and beats without credit', () => {
    const mux = senderOf(someBytes(40));
    mux.beat(BEAT);
    expect(typeOf(nextFrame(mux)!)).toBe(FrameType.beat);
    mux.fail(FAILURE);
    expect(typeOf(nextFrame(mux)!)).toBe(FrameType.error);
    expect(mux.finished).toBe(true);
  });

  test('lets other streams continue while one is at its limit', () => {
    const mux = new Mux(SENDER);
    mux.setFirstCredit(16);
    mux.open({ kind: 'tree', name: 'a' }, fullRing(someBytes(40)));
    mux.open({ kind: 'tree', name: 'b' }, fullRing(someBytes(40)));
    allFrames(mux);
    expect(mux.raiseLimit(2, 40)).toBe(true);
    expect(allFrames(mux).map((frame) => [typeOf(frame), streamOf(frame)])).toEqual([
      [FrameType.data, 2],
      [FrameType.end, 2],
    ]);
  });
});

describe('CREDIT', () => {
  test('for one stream is coalesced, and only the newest limit is sent', () => {
    const mux = new Mux(ANSWER);
    nextFrame(mux);
    for (const limit of [20, 24, 28]) mux.grant(1, limit);
    mux.grant(2, 21);
    mux.grant(1, 32);
    const told = allFrames(mux).map((frame) => [typeOf(frame), streamOf(frame), limitOf(frame)]);
    expect(told).toEqual([
      [FrameType.credit, 1, 32],
      [FrameType.credit, 2, 21],
    ]);
  });

  test('is sent before DATA, and before FIN', () => {
    const mux = new Mux(SENDER);
    mux.setFirstCredit(64);
    mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(40)));
    mux.finish();
    mux.grant(7, 99);
    const types = allFrames(mux).map(typeOf);
    const { hello, open, credit, data, end, fin } = FrameType;
    expect(types).toEqual([hello, open, credit, data, end, fin]);
  });

  test('is dropped when its side fails', () => {
    const mux = new Mux(ANSWER);
    nextFrame(mux);
    mux.grant(1, 32);
    mux.fail(FAILURE);
    expect(allFrames(mux).map(typeOf)).toEqual([FrameType.error]);
  });

  test('for a stream that has ended is ignored, whatever its limit', () => {
    const mux = senderOf(someBytes(0));
    expect(typeOf(nextFrame(mux)!)).toBe(FrameType.end);
    expect([mux.raiseLimit(1, 99), mux.raiseLimit(1, 0)]).toEqual([true, true]);
  });

  test('is accepted when it repeats the same limit', () => {
    const mux = senderOf(someBytes(40));
    mux.setFirstCredit(16);
    expect([mux.raiseLimit(1, 16), mux.raiseLimit(1, 20), mux.raiseLimit(1, 20)]).toEqual([
      true,
      true,
      true,
    ]);
  });
});

describe('a caller that waits for the next frame', () => {
  const answer = () => {
    const mux = new Mux(ANSWER);
    nextFrame(mux);
    return mux;
  };
  const cases: [string, () => Mux, (mux: Mux) => void, number][] = [
    ['CREDIT', answer, (mux) => mux.grant(1, 32), FrameType.credit],
    ['RECEIPT', answer, (mux) => mux.sendReceipt(RECEIPT), FrameType.receipt],
    ['DATA', () => senderOf(someBytes(40)), (mux) => mux.setFirstCredit(16), FrameType.data],
    ['DATA', () => senderOf(someBytes(40)), (mux) => mux.raiseLimit(1, 16), FrameType.data],
  ];

  test.each(cases)('is woken by what makes %s possible', async (_, create, act, type) => {
    const mux = create();
    const waiting = mux.ready();
    act(mux);
    await waiting;
    expect(typeOf(nextFrame(mux)!)).toBe(type);
  });

  test.each(cases)('does not wait if %s is possible', async (_, create, act, type) => {
    const mux = create();
    act(mux);
    await mux.ready();
    expect(typeOf(nextFrame(mux)!)).toBe(type);
  });

  test('does not wait for credit if only END is left', async () => {
    const mux = senderOf(someBytes(0));
    await mux.ready();
    expect(typeOf(nextFrame(mux)!)).toBe(FrameType.end);
  });
});

describe('RECEIPT', () => {
  test('arrives as it was sent, after all credit, and as the last frame', () => {
    const mux = new Mux(ANSWER);
    mux.sendReceipt(RECEIPT);
    mux.grant(1, 32);
    const frames = allFrames(mux);
    expect(frames.map(typeOf)).toEqual([FrameType.hello, FrameType.credit, FrameType.receipt]);
    expect(mux.finished).toBe(true);
    const sender = hearingSide(SENDER);
    sender.mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(40)));
    for (const frame of frames) expect(sender.demux.push(frame)).toBeUndefined();
    expect(sender.recorder.receipts).toEqual([RECEIPT]);
    expect(sender.demux.finished).toBe(true);
    sender.demux.eof();
  });

  test('carries the digest of the FIN that was received', async () => {
    const link = new DuplexLink({ capacity: CAPACITY });
    link.sender.mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(500)));
    link.sender.mux.finish();
    await link.run();
    const { digest } = link.receiver.recorder.fins[0]!;
    link.receiver.mux.sendReceipt({ transferId: HELLO.transferId, digest });
    await link.run();
    expect(link.sender.recorder.receipts).toEqual([
      { transferId: HELLO.transferId, digest: link.sender.mux.digest },
    ]);
    expect([link.sender.demux.finished, link.receiver.mux.finished]).toEqual([true, true]);
  });

  test('is required, so the end of the transport after FIN without it is no success', async () => {
    const link = new DuplexLink({ capacity: CAPACITY });
    link.sender.mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(500)));
    link.sender.mux.finish();
    await link.run();
    expect(link.sender.mux.finished).toBe(true);
    expect(() => link.sender.demux.eof()).toThrow(expect.objectContaining({ code: 'truncated' }));
  });
});

test('memory is bounded, because each stream that nobody reads stops at its ring', async () => {
  const link = new DuplexLink({ capacity: CAPACITY });
  const { sender, receiver } = link;
  const contents = Array.from({ length: MAX_STREAMS }, (_, seed) => someBytes(4 * CAPACITY, seed));
  for (const [i, bytes] of contents.entries())
    sender.mux.open({ kind: 'tree', name: `c${i}` }, fullRing(bytes));
  sender.mux.finish();
  await link.run();
  for (const id of receiver.recorder.received.keys()) {
    expect(receiver.recorder.held(id)).toBe(CAPACITY);
  }
  expect(receiver.demux.payloadBytes).toBe(MAX_STREAMS * CAPACITY);
  expect(sender.mux.payloadBytes).toBe(MAX_STREAMS * CAPACITY);
  expect([sender.writing, receiver.demux.waiting]).toEqual([false, false]);

  await link.run(() => readAll(receiver.recorder));
  for (const [i, bytes] of contents.entries()) {
    expect(receiver.recorder.content(i + 1)).toEqual(bytes);
  }
  expect(receiver.recorder.fins.length).toBe(1);
});

function readAll(recorder: Recorder): boolean {
  let read = 0;
  for (const id of recorder.received.keys()) read += recorder.read(id);
  return read > 0;
}

test('beats and answers pass while every stream is stopped', async () => {
  const link = new DuplexLink({ capacity: 16 });
  link.sender.mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(400)));
  await link.run();
  for (const side of [link.sender, link.receiver]) side.mux.beat(BEAT);
  await link.run();
  expect([link.sender.recorder.beats, link.receiver.recorder.beats]).toEqual([[BEAT], [BEAT]]);
});

test('a limit is sent for every quarter that was consumed, not for every read', async () => {
  const link = new DuplexLink({ capacity: CAPACITY });
  const { sender, receiver } = link;
  sender.mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(8 * CAPACITY)));
  await link.run(() => receiver.recorder.received.has(1) && receiver.recorder.read(1, 10) > 0);
  const limits = sender.recorder.credits.map(([, limit]) => limit);
  expect(limits.length).toBeGreaterThan(20);
  expect(limits.length).toBeLessThanOrEqual((8 * CAPACITY) / (CAPACITY / 4));
  for (const [i, limit] of limits.entries()) {
    expect(limit - (limits[i - 1] ?? CAPACITY)).toBeGreaterThanOrEqual(CAPACITY / 4);
  }
});

test('the first DATA frame on the link comes after the HELLO of the receiver', () => {
  const link = new DuplexLink({ capacity: CAPACITY });
  link.sender.mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(10)));
  expect(allFrames(link.sender.mux).map(isData)).toEqual([false, false]);
  link.receiver.write();
  link.sender.read();
  expect(isData(nextFrame(link.sender.mux)!)).toBe(true);
});
