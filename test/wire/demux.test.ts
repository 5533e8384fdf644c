import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { Ring } from '../../src/flow/ring.ts';
import { MAX_STREAMS } from '../../src/limits.ts';
import { Demux } from '../../src/wire/demux.ts';
import { FrameType } from '../../src/wire/frame.ts';
import { BEAT, HELLO, receiveAll, Recorder, settle } from '../helpers/wire/harness.ts';
import { SLOW_MAGIC, slowFrame, slowGmac, type SlowFrame } from '../helpers/wire/slow-codec.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const gmac = (id: number, text: string) => slowGmac(HELLO.transferId, id, Buffer.from(text));
const finDigest = (...ends: [id: number, text: string][]) =>
  sha256(ends.map(([id, text]) => `${id} ${text.length} ${gmac(id, text)}\n`).join(''));

const hello: SlowFrame = { type: FrameType.hello, payload: HELLO };
const beat: SlowFrame = { type: FrameType.beat, payload: BEAT };
const error: SlowFrame = {
  type: FrameType.error,
  payload: { code: 6, origin: 'sender', message: 'grew' },
};
const later: SlowFrame = { type: 0xc3, flags: 9, stream: 500, offset: 1, payload: 'whatever' };
const open = (stream: number, name = ''): SlowFrame => ({
  type: FrameType.open,
  stream,
  payload: { kind: 'tree', name },
});
const data = (stream: number, offset: number, payload: string): SlowFrame => ({
  type: FrameType.data,
  stream,
  offset,
  payload,
});
const end = (stream: number, text: string, changes: object = {}): SlowFrame => ({
  type: FrameType.end,
  stream,
  offset: text.length,
  payload: { bytes: text.length, gmac: gmac(stream, text), ...changes },
});
const fin = (changes: object = {}): SlowFrame => ({
  type: FrameType.fin,
  payload: { streams: 1, bytes: 2, digest: finDigest([1, 'ab']), ...changes },
});

const WHOLE = [hello, open(1), data(1, 0, 'a'), beat, data(1, 1, 'b'), end(1, 'ab'), fin()];
const connection = (frames: SlowFrame[]) =>
  Uint8Array.from([...SLOW_MAGIC, ...frames.flatMap((frame) => slowFrame(frame))]);
const receive = (frames: SlowFrame[], recorder = new Recorder()) =>
  receiveAll([connection(frames)], recorder);

test('a transfer that was written by hand from PROTOCOL.md is received', () => {
  const { clean, recorder } = receive(WHOLE);
  expect(clean).toBe(true);
  expect(recorder.hellos).toEqual([HELLO]);
  expect(recorder.beats).toEqual([BEAT]);
  expect(recorder.of(1).stream).toMatchObject({ id: 1, kind: 'tree', name: '' });
  expect(recorder.of(1).end).toEqual({ bytes: 2, gmac: gmac(1, 'ab') });
  expect(Buffer.from(recorder.content(1)).toString()).toBe('ab');
  expect(recorder.of(1).ring.drained).toBe(true);
  expect(recorder.fins).toEqual([{ streams: 1, bytes: 2, digest: finDigest([1, 'ab']) }]);
});

test('ids keep counting after a stream that ended', () => {
  const { clean } = receive([
    hello,
    open(1, 'a'),
    open(2, 'b'),
    end(2, ''),
    data(1, 0, 'ab'),
    open(3, 'c'),
    end(3, ''),
    end(1, 'ab'),
    fin({ streams: 3, digest: finDigest([1, 'ab'], [2, ''], [3, '']) }),
  ]);
  expect(clean).toBe(true);
});

test('an ERROR ends the connection without FIN', () => {
  const { clean, error: thrown, recorder } = receive([hello, open(1), data(1, 0, 'a'), error]);
  expect([clean, thrown]).toEqual([false, undefined]);
  expect(recorder.peerErrors).toEqual([
    { code: 'source-changed', origin: 'sender', message: 'grew', path: undefined },
  ]);
  expect(recorder.of(1).ring.drained).toBe(false);
});

test('beats and an ERROR are still received after FIN', () => {
  const { recorder } = receive([...WHOLE, beat, error]);
  expect([recorder.beats.length, recorder.peerErrors.length]).toEqual([2, 1]);
});

test.each<[string, SlowFrame[], RegExp]>([
  ['a frame before HELLO', [beat], /BEAT before HELLO/],
  ['an ERROR before HELLO', [error], /ERROR before HELLO/],
  ['DATA before HELLO', [data(1, 0, 'a')], /DATA before HELLO/],
  ['a second HELLO', [hello, hello], /second HELLO/],
  [
    'DATA on a stream that was not opened',
    [hello, data(1, 0, 'a')],
    /DATA of stream 1, .*not open/,
  ],
  [
    'DATA on a stream that ended',
    [hello, open(1), end(1, ''), data(1, 0, 'a')],
    /DATA of stream 1, .*not open/,
  ],
  ['END of a stream that was not opened', [hello, end(1, '')], /END of stream 1, .*not open/],
  ['a second END', [hello, open(1), end(1, ''), end(1, '')], /END of stream 1, .*not open/],
  ['an offset that skips', [hello, open(1), data(1, 1, 'a')], /offset 1 after 0 bytes/],
  [
    'an offset that repeats',
    [hello, open(1), data(1, 0, 'ab'), data(1, 1, 'b')],
    /offset 1 after 2 bytes/,
  ],
  ['END at a wrong offset', [hello, open(1), end(1, 'a')], /END of stream 1 with offset 1/],
  ['a first id that is not 1', [hello, open(2)], /OPEN of stream 2 after 0/],
  ['an id that is open', [hello, open(1), open(1)], /OPEN of stream 1 after 1/],
  ['an id that was used', [hello, open(1), end(1, ''), open(1)], /OPEN of stream 1 after 1/],
  ['an id that was left out', [hello, open(1), open(3)], /OPEN of stream 3 after 1/],
  [
    'too many open streams',
    [hello, ...Array.from({ length: MAX_STREAMS + 1 }, (_, i) => open(i + 1))],
    /over 8 open streams/,
  ],
  ['a name that climbs', [hello, open(1, '..')], /OPEN: name/],
  [
    'END with a wrong count',
    [hello, open(1), data(1, 0, 'ab'), end(1, 'ab', { bytes: 3 })],
    /stream 1 has 2 bytes, its END says 3/,
  ],
  [
    'END with the digest of other bytes',
    [hello, open(1), data(1, 0, 'ax'), end(1, 'ab')],
    /do not match the digest/,
  ],
  ['FIN while a stream is open', [hello, open(1), fin()], /FIN with 1 streams open/],
  ['FIN with a wrong stream count', [...WHOLE.slice(0, -1), fin({ streams: 2 })], /FIN does not/],
  ['FIN with a wrong byte count', [...WHOLE.slice(0, -1), fin({ bytes: 3 })], /FIN does not/],
  ['FIN with a wrong digest', [...WHOLE.slice(0, -1), fin({ digest: sha256('') })], /FIN does not/],
  ['a second FIN', [...WHOLE, fin()], /FIN after FIN/],
  ['OPEN after FIN', [...WHOLE, open(2)], /OPEN after FIN/],
  ['DATA after FIN', [...WHOLE, data(1, 2, 'c')], /DATA after FIN/],
  ['a BEAT after ERROR', [hello, error, beat], /BEAT after ERROR/],
  ['a frame of a later version before HELLO', [later, hello], /type 0xc3 before HELLO/],
  ['a frame of a later version after ERROR', [hello, error, later], /type 0xc3 after ERROR/],
  [
    'credit over a pipe',
    [{ ...hello, payload: { ...HELLO, credit: 1 } }],
    /HELLO: credit is not 0/,
  ],
  ['a second ERROR', [hello, error, error], /ERROR after ERROR/],
  [
    'CREDIT on a one-way connection',
    [hello, open(1), { type: FrameType.credit, stream: 1 }],
    /CREDIT, which nobody asked for/,
  ],
  [
    'RECEIPT on a one-way connection',
    [hello, { type: FrameType.receipt }],
    /RECEIPT, which nobody asked for/,
  ],
  [
    'a payload that is not JSON',
    [hello, { type: FrameType.beat, payload: '{' }],
    /BEAT is not JSON/,
  ],
])('%s is a protocol error', (_, frames, message) => {
  const { error: thrown, clean } = receive(frames);
  expect(thrown).toMatchObject({ code: 'corrupt', message: expect.stringMatching(message) });
  expect(clean).toBe(false);
});

test('the error names the byte at which the frame begins', () => {
  const { error: thrown } = receive([...WHOLE, fin()]);
  expect(thrown?.message).toMatch(new RegExp(`at byte ${connection(WHOLE).length}$`));
});

test('the error of a rejected push includes the cause, and every later call repeats it', async () => {
  const recorder = new Recorder(() => Ring.create(16));
  const demux = new Demux(recorder);
  const pushed = demux.push(connection([hello, open(1), data(1, 0, 'x'.repeat(20)), fin()]));
  expect(recorder.read(1)).toBe(16);
  const corrupt = expect.objectContaining({ code: 'corrupt' });
  await expect(pushed).rejects.toEqual(corrupt);
  expect(() => demux.push(new Uint8Array(1))).toThrow(corrupt);
  expect(() => demux.eof()).toThrow(corrupt);
  expect(demux.finished).toBe(false);
});

test('a peer of another version is refused with an error that names both ranges', () => {
  const { error: thrown } = receive([
    { type: FrameType.hello, payload: { minVersion: 3, maxVersion: 4 } },
  ]);
  expect(thrown).toMatchObject({
    code: 'version-mismatch',
    message: expect.stringMatching(/versions 3 to 4.*version 2/),
  });
});

test('a handler that refuses a stream ends the connection with its own error', () => {
  const refusal = new CtxsyncError('unsafe-entry', 'two contexts with one name');
  const recorder = new Recorder(() => {
    throw refusal;
  });
  expect(receive(WHOLE, recorder).error).toBe(refusal);
});

test('frames of later versions are skipped wherever they occur', () => {
  const frames = WHOLE.flatMap((frame) => [frame, later]);
  expect(receive(frames).clean).toBe(true);
});

test('a bound on open streams does not bound the number of streams', () => {
  const frames: SlowFrame[] = [hello];
  for (let id = 1; id <= 3 * MAX_STREAMS; id++) frames.push(open(id), end(id, ''));
  const digest = finDigest(
    ...Array.from({ length: 3 * MAX_STREAMS }, (_, i): [number, string] => [i + 1, '']),
  );
  expect(receive([...frames, fin({ streams: 24, bytes: 0, digest })]).clean).toBe(true);
});

test('a handler that delays HELLO gets nothing else of the connection before', async () => {
  let goOn = (): void => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const recorder = new Recorder();
  const demux = new Demux(Object.assign(recorder, { hello: () => held }));
  const pending = demux.push(connection(WHOLE));
  await settle();
  expect({ opened: recorder.received.size, waiting: demux.waiting }).toEqual({
    opened: 0,
    waiting: true,
  });
  goOn();
  await pending;
  expect(Buffer.from(recorder.content(1)).toString()).toBe('ab');
  expect({ fins: recorder.fins.length, waiting: demux.waiting }).toEqual({
    fins: 1,
    waiting: false,
  });
});
