import { expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import {
  FIRST_FRAME_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_STREAM_ID,
  MAX_STREAMS,
} from '../../src/limits.ts';
import { decodeHeader, FrameType, MAGIC } from '../../src/wire/frame.ts';
import { Mux } from '../../src/wire/mux.ts';
import {
  allFrames,
  BEAT,
  FAILURE,
  fullRing,
  HELLO,
  nextFrame,
  receiveAll,
  settle,
  someBytes,
} from '../helpers/wire/harness.ts';

const misuse = expect.objectContaining({ code: 'internal' });

/** A mux whose HELLO was sent. */
function createMux(): { mux: Mux; hello: Uint8Array } {
  const mux = new Mux(HELLO);
  const hello = nextFrame(mux);
  if (hello === undefined) throw new Error('no HELLO');
  return { mux, hello };
}

const name = (type: number) => Object.entries(FrameType).find(([, t]) => t === type)?.[0];
const told = (frames: Uint8Array[]) =>
  frames.map((frame) => {
    const { type, stream } = decodeHeader(frame);
    return stream === 0 ? name(type) : `${name(type)} ${stream}`;
  });

test('the magic and HELLO come first, even when the run has already failed', () => {
  const mux = new Mux(HELLO);
  mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(9)));
  mux.beat(BEAT);
  mux.fail(FAILURE);
  const first = nextFrame(mux)!;
  expect(first.subarray(0, MAGIC.length)).toEqual(MAGIC);
  expect(told([first.subarray(MAGIC.length), ...allFrames(mux)])).toEqual(['hello', 'error']);
  expect(mux.finished).toBe(true);
});

test('a stream is opened, sent and ended, and then FIN follows', () => {
  const { mux } = createMux();
  expect(mux.open({ kind: 'tree', name: 'web' }, fullRing(someBytes(100)))).toMatchObject({
    id: 1,
    kind: 'tree',
    name: 'web',
  });
  mux.finish();
  expect(mux.openStreams).toBe(1);
  expect(told(allFrames(mux))).toEqual(['open 1', 'data 1', 'end 1', 'fin']);
  expect(mux.openStreams).toBe(0);
  expect(mux.finished).toBe(true);
  expect(mux.digest).toMatch(/^[0-9a-f]{64}$/);
});

test('a transfer without streams is valid', () => {
  const { mux, hello } = createMux();
  mux.finish();
  const { clean, recorder } = receiveAll([hello, ...allFrames(mux)]);
  expect(clean).toBe(true);
  expect(recorder.fins[0]).toMatchObject({ streams: 0, bytes: 0 });
});

test('streams with data take turns', () => {
  const { mux } = createMux();
  for (let i = 0; i < 3; i++)
    mux.open({ kind: 'tree', name: `c${i}` }, fullRing(someBytes(FIRST_FRAME_BYTES + 1)));
  const idle = mux.open({ kind: 'tree', name: 'idle' }, Ring.create(16));
  const turn = ['data 1', 'data 2', 'data 3'];
  const ends = ['end 1', 'end 2', 'end 3'];
  expect(told(allFrames(mux)).slice(4)).toEqual([...turn, ...turn, ...ends]);
  expect(idle.id).toBe(4);
  expect(mux.openStreams).toBe(1);
});

test('a full frame has 64 KiB with its header by default', () => {
  const { mux } = createMux();
  mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(2 * FIRST_FRAME_BYTES + 1)));
  const data = allFrames(mux).slice(1, 4);
  expect(data.map((frame) => decodeHeader(frame).length)).toEqual([65_520, 65_520, 1]);
  expect(data.map((frame) => frame.length)).toEqual([65_536, 65_536, 17]);
});

test('a frame has as much payload as the caller requests', () => {
  const { mux } = createMux();
  mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(3 * MAX_PAYLOAD_BYTES)));
  // HELLO and OPEN go first.
  for (let due = 0; due < 2; due++) {
    mux.next();
    mux.written();
  }
  const lengths: number[] = [];
  for (const most of [7, MAX_PAYLOAD_BYTES]) {
    lengths.push(mux.next(most)!.at(-1)!.length);
    mux.written();
  }
  expect(lengths).toEqual([7, MAX_PAYLOAD_BYTES]);
});

test('payload is a view into the ring, whose bytes are free again once the frame was written', () => {
  const { mux } = createMux();
  const ring = Ring.create(64);
  ring.write(someBytes(64));
  mux.open({ kind: 'tree', name: '' }, ring);
  nextFrame(mux);
  const [, payload] = mux.next()!;
  expect(payload?.buffer).toBe(ring.shared);
  expect(ring.writable().length).toBe(0);
  mux.written();
  expect(ring.writable().length).toBe(64);
});

test('a beat replaces the queued one, and is sent before data', () => {
  const { mux, hello } = createMux();
  mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(2 * FIRST_FRAME_BYTES)));
  const frames = [nextFrame(mux)!, nextFrame(mux)!];
  for (let entries = 1; entries <= 100; entries++) mux.beat({ ...BEAT, entries });
  mux.finish();
  frames.push(...allFrames(mux));
  expect(told(frames)).toEqual(['open 1', 'data 1', 'beat', 'data 1', 'end 1', 'fin']);
  expect(receiveAll([hello, ...frames]).recorder.beats).toEqual([{ ...BEAT, entries: 100 }]);
});

test('an ERROR is sent before queued data, after the frame being written, and as the last frame', () => {
  const { mux, hello } = createMux();
  mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(3 * FIRST_FRAME_BYTES)));
  const frames = [nextFrame(mux)!];
  const underWay = Uint8Array.from(Buffer.concat(mux.next()!));
  mux.fail(FAILURE);
  mux.fail({ ...FAILURE, message: 'what the first failure led to' });
  mux.beat(BEAT);
  mux.finish();
  mux.written();
  expect(mux.finished).toBe(false);
  frames.push(underWay, ...allFrames(mux));
  expect(told(frames)).toEqual(['open 1', 'data 1', 'error']);
  expect(mux.finished).toBe(true);
  const { recorder, error } = receiveAll([hello, ...frames]);
  expect(error).toBeUndefined();
  expect(recorder.peerErrors).toEqual([FAILURE]);
});

test('a beat and an ERROR may still be sent after FIN', () => {
  const { mux } = createMux();
  mux.finish();
  allFrames(mux);
  mux.beat(BEAT);
  expect(told(allFrames(mux))).toEqual(['beat']);
  mux.fail(FAILURE);
  expect(told(allFrames(mux))).toEqual(['error']);
});

test('a stream whose ring is cancelled sends nothing more, and FIN never comes', async () => {
  const { mux } = createMux();
  const ring = fullRing(someBytes(100));
  mux.open({ kind: 'tree', name: '' }, ring);
  mux.finish();
  ring.cancel();
  expect(told(allFrames(mux))).toEqual(['open 1']);
  let ready = false;
  void mux.ready().then(() => (ready = true));
  await settle();
  expect(ready).toBe(false);
  mux.fail(FAILURE);
  await settle();
  expect(ready).toBe(true);
  expect(told(allFrames(mux))).toEqual(['error']);
});

test('a stream reports when its END was written, and never after a failure', async () => {
  const { mux } = createMux();
  const ended: string[] = [];
  for (const context of ['a', 'b']) {
    const stream = mux.open({ kind: 'tree', name: context }, fullRing(someBytes(10)));
    void stream.ended.then(() => ended.push(context));
  }
  for (let frame = 0; frame < 4; frame++) nextFrame(mux);
  mux.next();
  await settle();
  expect(ended).toEqual([]);
  mux.written();
  await settle();
  expect(ended).toEqual(['a']);
  mux.fail(FAILURE);
  allFrames(mux);
  await settle();
  expect(ended).toEqual(['a']);
});

test('payloadBytes counts only the stream bytes that were written', () => {
  const { mux } = createMux();
  mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(1_000)));
  nextFrame(mux);
  mux.next();
  expect(mux.payloadBytes).toBe(0);
  mux.written();
  mux.beat(BEAT);
  mux.finish();
  allFrames(mux);
  expect(mux.payloadBytes).toBe(1_000);
});

test('wireBytes counts every byte that was written', () => {
  const mux = new Mux(HELLO);
  mux.open({ kind: 'tree', name: '' }, fullRing(someBytes(1_000)));
  mux.finish();
  const bytes = Buffer.concat(allFrames(mux));
  expect(mux.wireBytes).toBe(bytes.length);
});

test('the digest does not depend on which stream ends first', () => {
  const digests = [16, 100_000].map((bytes) => {
    const { mux } = createMux();
    const late = Ring.create(131_072);
    const content = someBytes(100_000, 1);
    late.write(content.subarray(0, bytes));
    mux.open({ kind: 'tree', name: 'a' }, late);
    mux.open({ kind: 'tree', name: 'b' }, fullRing(someBytes(100)));
    if (bytes < content.length) allFrames(mux);
    late.write(content.subarray(bytes));
    late.end();
    mux.finish();
    allFrames(mux);
    return mux.digest;
  });
  expect(digests[0]).toBe(digests[1]);
});

test.each<[string, (mux: Mux, ring: Ring) => void]>([
  ['a byte in a ring', (_, ring) => void ring.write(Uint8Array.of(1))],
  ['the end of a ring', (_, ring) => ring.end()],
  ['a beat', (mux) => mux.beat(BEAT)],
  ['a stream', (mux) => void mux.open({ kind: 'tree', name: 'b' }, Ring.create(16))],
  ['a failure', (mux) => mux.fail(FAILURE)],
])('ready() waits for %s, which wakes it', async (_, act) => {
  const { mux } = createMux();
  const ring = Ring.create(16);
  mux.open({ kind: 'tree', name: '' }, ring);
  nextFrame(mux);
  expect(mux.next()).toBeUndefined();
  let ready = false;
  void mux.ready().then(() => (ready = true));
  await settle();
  expect(ready).toBe(false);
  act(mux, ring);
  await mux.ready();
  expect(nextFrame(mux)).toBeDefined();
});

test('ready() is woken by finish() when every stream has ended', async () => {
  const { mux } = createMux();
  const ready = mux.ready();
  mux.finish();
  await ready;
  expect(told(allFrames(mux))).toEqual(['fin']);
});

test('ready() settles at once while there is a frame', async () => {
  const mux = new Mux(HELLO);
  await mux.ready();
  expect(nextFrame(mux)).toBeDefined();
});

test('ready() returns one promise to all callers while there is no frame', () => {
  const { mux } = createMux();
  mux.open({ kind: 'tree', name: '' }, Ring.create(16));
  nextFrame(mux);
  const first = mux.ready();
  for (let i = 0; i < 1_000; i++) expect(mux.ready()).toBe(first);
});

test('ready() keeps one waiter per stream, however often it is called and woken', async () => {
  const { mux } = createMux();
  const ring = new CountingRing(Ring.create(16).shared);
  mux.open({ kind: 'tree', name: '' }, ring);
  nextFrame(mux);
  for (let round = 0; round < 100; round++) {
    const ready = mux.ready();
    mux.beat(BEAT);
    await ready;
    expect(told(allFrames(mux))).toEqual(['beat']);
  }
  expect(ring.waiters).toBe(1);
  const ready = mux.ready();
  ring.write(Uint8Array.of(1));
  await ready;
  expect(told(allFrames(mux))).toEqual(['data 1']);
});

class CountingRing extends Ring {
  waiters = 0;

  override async data(): Promise<void> {
    this.waiters += 1;
    await super.data();
    this.waiters -= 1;
  }
}

test('frames must be taken one at a time', () => {
  const mux = new Mux(HELLO);
  expect(() => mux.written()).toThrow(misuse);
  mux.next();
  expect(() => mux.next()).toThrow(misuse);
});

test('the mux refuses more than MAX_STREAMS at once, a bad name, and a stream after finish()', () => {
  const { mux } = createMux();
  for (let i = 0; i < MAX_STREAMS; i++)
    mux.open({ kind: 'tree', name: `c${i}` }, fullRing(new Uint8Array(0)));
  expect(() => mux.open({ kind: 'tree', name: 'more' }, Ring.create(16))).toThrow(misuse);
  allFrames(mux);
  expect(() => mux.open({ kind: 'tree', name: 'a/b' }, Ring.create(16))).toThrow(misuse);
  expect(mux.open({ kind: 'tree', name: 'more' }, Ring.create(16)).id).toBe(MAX_STREAMS + 1);
  mux.finish();
  expect(() => mux.open({ kind: 'tree', name: 'late' }, Ring.create(16))).toThrow(misuse);
});

test('a transfer has no more streams than there are ids', () => {
  const { mux } = createMux();
  const ended = fullRing(new Uint8Array(0));
  for (let id = 1; id <= MAX_STREAM_ID; id++) {
    mux.open({ kind: 'manifest', name: '' }, ended);
    mux.next();
    mux.written();
    mux.next();
    mux.written();
  }
  expect(() => mux.open({ kind: 'manifest', name: '' }, ended)).toThrow(
    expect.objectContaining({ code: 'over-limit' }),
  );
  mux.finish();
  expect(told(allFrames(mux))).toEqual(['fin']);
});
