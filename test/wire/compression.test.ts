import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { MAX_PAYLOAD_BYTES } from '../../src/limits.ts';
import { CODEC_FLAGS, compress, decompress, type Codec } from '../../src/wire/codec.ts';
import { Demux } from '../../src/wire/demux.ts';
import { decodeHeader, HEADER_BYTES } from '../../src/wire/frame.ts';
import { Mux } from '../../src/wire/mux.ts';
import { fullRing, HELLO, receiveAll, Recorder, settle } from '../helpers/wire/harness.ts';
import { DuplexRecorder } from '../helpers/wire/duplex.ts';
import { sliced } from '../helpers/wire/session-frames.ts';
import { SLOW_MAGIC, slowFrame, slowGmac } from '../helpers/wire/slow-codec.ts';

// DATA whose payload is compressed: PROTOCOL.md, section 3.

const HAS_ZSTD = process.versions['zstd'] !== undefined;
const CODECS: Codec[] = HAS_ZSTD ? ['gzip', 'zstd'] : ['gzip'];
const TEXT = Buffer.from('a line of a source file that repeats itself\n'.repeat(5_000));

function record(codec: Codec | undefined, frameBytes: number, bytes: Uint8Array): Uint8Array {
  const mux = new Mux(HELLO);
  mux.open({ kind: 'tree', name: '' }, fullRing(bytes));
  mux.finish();
  const frames: Uint8Array[] = [];
  for (;;) {
    const views = mux.next(frameBytes, codec);
    if (views === undefined) break;
    frames.push(...views.map((view) => Uint8Array.from(view)));
    mux.written();
  }
  expect(mux.wireBytes).toBe(Buffer.concat(frames).length);
  expect(mux.payloadBytes).toBe(bytes.length);
  return Buffer.concat(frames);
}

test.each(CODECS)(
  'what %s compressed arrives as it was, however the connection is sliced',
  (codec) => {
    const session = record(codec, 1_000, TEXT);
    expect(session.length).toBeLessThan(TEXT.length / 4);
    for (const sizes of [[1], [7, 13], [64], [session.length]]) {
      const { clean, recorder } = receiveAll(sliced(session, sizes));
      expect(clean).toBe(true);
      expect(Buffer.from(recorder.content(1)).equals(TEXT)).toBe(true);
    }
  },
);

test.each(CODECS)('what does not shrink with %s is sent as it is', (codec) => {
  const random = randomBytes(100_000);
  expect(record(codec, 100_000, random)).toEqual(record(undefined, 100_000, random));
});

test.each(CODECS)(
  'a full queue makes the reader wait within a frame of %s, and nothing is lost',
  async (codec) => {
    const session = record(codec, MAX_PAYLOAD_BYTES, TEXT);
    const recorder = new Recorder(() => Ring.create(256));
    const demux = new Demux(recorder);
    const pushing = { done: false };
    void demux.push(session)?.then(() => (pushing.done = true));
    expect(demux.waiting).toBe(true);
    for (let turns = 0; !pushing.done && turns < 10 * TEXT.length; turns++) {
      recorder.read(1);
      await settle();
    }
    expect(pushing.done).toBe(true);
    demux.eof();
    expect(Buffer.from(recorder.content(1)).equals(TEXT)).toBe(true);
  },
);

const header = { stream: 1, offset: 0 };
const hello = { type: 1, payload: HELLO };
const open = { type: 2, stream: 1, payload: { kind: 'tree', name: '' } };
const data = (payload: Uint8Array, flags: number = CODEC_FLAGS.gzip) => ({
  ...header,
  type: 3,
  flags,
  payload,
});
const connection = (...frames: Parameters<typeof slowFrame>[0][]) =>
  Uint8Array.from([...SLOW_MAGIC, ...[hello, open, ...frames].flatMap((each) => slowFrame(each))]);

test('a compressed frame that was written by hand from PROTOCOL.md is received', () => {
  const gmac = slowGmac(HELLO.transferId, 1, Buffer.from('abc'));
  const end = { type: 4, stream: 1, offset: 3, payload: { bytes: 3, gmac } };
  const { error, recorder } = receiveAll([connection(data(gzipSync('abc')), end)]);
  expect(error).toMatchObject({ code: 'truncated' });
  expect(recorder.of(1).end).toMatchObject({ bytes: 3 });
  expect(Buffer.from(recorder.content(1)).toString()).toBe('abc');
});

test.each<[string, Uint8Array, number, RegExp]>([
  ['no gzip', Buffer.from('nothing of the kind'), 1, /cannot be decompressed, at byte/],
  ['half of a gzip', gzipSync(TEXT).subarray(0, 100), 1, /cannot be decompressed, at byte/],
  ['a gzip of nothing', gzipSync(''), 1, /an empty DATA/],
  ['a bomb', gzipSync(Buffer.alloc(MAX_PAYLOAD_BYTES + 1)), 1, /cannot be decompressed, at byte/],
  ['two codecs', gzipSync('a'), 3, /DATA with unknown flags 3/],
  ['an unknown codec', gzipSync('a'), 4, /DATA with unknown flags 4/],
  [
    'the codec of another frame',
    gzipSync('a'),
    2,
    HAS_ZSTD ? /cannot be decompressed/ : /needs Node 22.15/,
  ],
])('%s is refused, and nothing of it is passed on', (_what, payload, flags, message) => {
  const { error, recorder } = receiveAll([connection(data(payload, flags))]);
  expect(error?.message).toMatch(message);
  expect(recorder.content(1).length).toBe(0);
});

test('credit counts what was compressed, not what travels', () => {
  const mux = new Mux({ ...HELLO, mode: 'duplex', credit: 0 });
  const recorder = new DuplexRecorder(mux, () => Ring.create(64));
  const demux = new Demux(recorder);
  const duplex = Uint8Array.from([
    ...SLOW_MAGIC,
    ...slowFrame({ type: 1, payload: { ...HELLO, mode: 'duplex', credit: 64 } }),
    ...slowFrame(open),
    ...slowFrame(data(gzipSync(Buffer.alloc(65)))),
  ]);
  expect(() => demux.push(duplex)).toThrow(/stream 1 has more bytes than were granted/);
});

test.each(CODECS)('%s: a frame takes no more memory than its payload may have', (codec) => {
  const frame = compress(codec, Buffer.alloc(MAX_PAYLOAD_BYTES));
  expect(decompress(CODEC_FLAGS[codec], frame, 0).length).toBe(MAX_PAYLOAD_BYTES);
  const more = compress(codec, Buffer.alloc(MAX_PAYLOAD_BYTES + 1));
  expect(() => decompress(CODEC_FLAGS[codec], more, 0)).toThrow(/cannot be decompressed/);
});

test('the flags of a frame name its codec', () => {
  const mux = new Mux(HELLO);
  mux.open({ kind: 'tree', name: '' }, fullRing(TEXT));
  mux.next();
  mux.written();
  mux.next();
  mux.written();
  const [first] = mux.next(1_000, 'gzip')!;
  expect(first!.length).toBe(HEADER_BYTES);
  expect(decodeHeader(first!).flags).toBe(1);
});
