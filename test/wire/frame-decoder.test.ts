import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_CONTROL_BYTES, MAX_PAYLOAD_BYTES } from '../../src/limits.ts';
import { FrameDecoder, type FrameSink } from '../../src/wire/frame-decoder.ts';
import { FrameType, type FrameHeader } from '../../src/wire/frame.ts';
import { slowFrame, type SlowFrame } from '../helpers/wire/slow-codec.ts';

interface Seen {
  type: number;
  stream: number;
  at: number;
  payload: number[];
}

/** Records whole frames; accepts at most `room` bytes of payload until it is given more. */
class Sink implements FrameSink {
  readonly seen: Seen[] = [];
  room = Infinity;

  handleControl({ type, stream }: FrameHeader, payload: Uint8Array, at: number): void {
    this.seen.push({ type, stream, at, payload: [...payload] });
  }

  handleData({ type, stream }: FrameHeader, at: number): void {
    this.seen.push({ type, stream, at, payload: [] });
  }

  handlePayload(piece: Uint8Array): number {
    const taken = Math.min(this.room, piece.length);
    this.room -= taken;
    this.seen.at(-1)?.payload.push(...piece.subarray(0, taken));
    return taken;
  }

  handleUnknown(): void {}
}

function createDecoder() {
  const sink = new Sink();
  return { sink, decoder: new FrameDecoder(sink) };
}

const FRAMES: SlowFrame[] = [
  { type: FrameType.beat, payload: { state: 'idle' } },
  { type: FrameType.data, stream: 1, offset: 9, payload: 'some payload' },
  { type: 0x80, flags: 0xff, stream: 77, offset: 5, payload: 'of a later version' },
  { type: 0xff },
  { type: FrameType.beat },
  { type: FrameType.data, stream: 0xffff, payload: 'x' },
  { type: FrameType.end, stream: 3, offset: 12, payload: { bytes: 12 } },
];
const BYTES = Uint8Array.from(FRAMES.flatMap((frame) => slowFrame(frame)));
const EXPECTED = FRAMES.flatMap((frame, index): Seen[] => {
  if (frame.type >= 0x80) return [];
  const at = FRAMES.slice(0, index).flatMap((before) => slowFrame(before)).length;
  const payload = slowFrame(frame).slice(16);
  return [{ type: frame.type, stream: frame.stream ?? 0, at, payload }];
});

test('frames are decoded whole and in order, and unknown ones from 0x80 up are skipped', () => {
  const { sink, decoder } = createDecoder();
  expect(decoder.decode(BYTES)).toBe(BYTES.length);
  expect(sink.seen).toEqual(EXPECTED);
  expect(decoder.position).toBe(BYTES.length);
});

test('frames are decoded the same when split at any byte', () => {
  for (let cut = 0; cut <= BYTES.length; cut++) {
    const { sink, decoder } = createDecoder();
    decoder.decode(BYTES.subarray(0, cut));
    decoder.decode(BYTES.subarray(cut));
    expect(sink.seen).toEqual(EXPECTED);
  }
});

test('frames are decoded the same byte by byte', () => {
  const { sink, decoder } = createDecoder();
  for (const byte of BYTES) expect(decoder.decode(Uint8Array.of(byte))).toBe(1);
  expect(sink.seen).toEqual(EXPECTED);
});

test('frames are decoded the same in any slicing, even when the sink runs out of room at times', () => {
  const steps = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 40 }), room: fc.nat(8) }), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (plan) => {
      const { sink, decoder } = createDecoder();
      let at = 0;
      for (const step of plan) {
        sink.room = step.room;
        at += decoder.decode(BYTES.subarray(at, at + step.bytes));
      }
      sink.room = Infinity;
      at += decoder.decode(BYTES.subarray(at));
      expect(at).toBe(BYTES.length);
      expect(sink.seen).toEqual(EXPECTED);
    }),
    { numRuns: 200 },
  );
});

test('payload of DATA is passed on before the frame is complete', () => {
  const { sink, decoder } = createDecoder();
  const frame = slowFrame({ type: FrameType.data, stream: 1, payload: new Uint8Array(1_000) });
  decoder.decode(Uint8Array.from(frame.slice(0, 116)));
  expect(sink.seen[0]?.payload.length).toBe(100);
});

const header = (frame: SlowFrame) => Uint8Array.from(slowFrame(frame).slice(0, 16));
const damaged = (frame: SlowFrame, at: number) =>
  Uint8Array.from(slowFrame(frame), (byte, index) => (index === at ? byte ^ 1 : byte));

test.each<[string, Uint8Array, RegExp]>([
  [
    'DATA over the maximum, from its header alone',
    header({ type: FrameType.data, stream: 1, length: MAX_PAYLOAD_BYTES + 1 }),
    /DATA with 262145 bytes/,
  ],
  [
    'a control frame over the maximum, from its header alone',
    header({ type: FrameType.open, stream: 1, length: MAX_CONTROL_BYTES + 1 }),
    /OPEN with 16385 bytes/,
  ],
  [
    'a length of 4 GiB',
    header({ type: FrameType.beat, length: 0xffff_ffff }),
    /BEAT with 4294967295/,
  ],
  [
    'a skippable frame over the maximum',
    header({ type: 0x90, length: MAX_CONTROL_BYTES + 1 }),
    /0x90 with 16385 bytes/,
  ],
  ['an empty DATA', header({ type: FrameType.data, stream: 1 }), /empty DATA/],
  ['type 0', header({ type: 0 }), /unknown type 0x00/],
  ['an unknown type below 0x80', header({ type: 0x7f }), /unknown type 0x7f/],
  ['an unknown flag', header({ type: FrameType.beat, flags: 4 }), /unknown flags 4/],
  ['DATA on the connection', header({ type: FrameType.data, payload: 'x' }), /DATA on stream 0/],
  ['BEAT on a stream', header({ type: FrameType.beat, stream: 1 }), /BEAT on stream 1/],
  [
    'OPEN with an offset',
    header({ type: FrameType.open, stream: 1, offset: 1 }),
    /OPEN with offset/,
  ],
  [
    'damage in the header of DATA',
    damaged({ type: FrameType.data, stream: 1, payload: 'x' }, 11),
    /checksum of DATA/,
  ],
  [
    'damage in a control payload',
    damaged({ type: FrameType.fin, payload: '{}' }, 17),
    /checksum of FIN/,
  ],
  [
    'damage in a skipped payload',
    damaged({ type: 0x80, payload: 'abc' }, 17),
    /checksum of a frame/,
  ],
])('the decoder refuses %s', (_, bytes, message) => {
  const decode = () => createDecoder().decoder.decode(bytes);
  expect(decode).toThrow(message);
  expect(decode).toThrow(expect.objectContaining({ code: 'corrupt' }));
});

test('the error names the byte at which the frame begins', () => {
  const { decoder } = createDecoder();
  decoder.decode(Uint8Array.from(slowFrame({ type: FrameType.beat, payload: 'abcd' })));
  expect(() => decoder.decode(header({ type: 0x7f }))).toThrow(/at byte 20$/);
});
