import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeHeader, encodeHeader, FrameType, MAGIC } from '../../src/wire/frame.ts';
import { SLOW_MAGIC, slowFrame } from '../helpers/wire/slow-codec.ts';

const frames = fc.record({
  type: fc.integer({ min: 0, max: 0xff }),
  stream: fc.integer({ min: 0, max: 0xffff }),
  offset: fc.integer({ min: 0, max: 0xffff_ffff }),
  payload: fc.uint8Array({ maxLength: 40 }),
});

test('the magic equals that in PROTOCOL.md', () => {
  expect([...MAGIC]).toEqual(SLOW_MAGIC);
});

test.each([
  ['strips the high bit', (bytes: number[]) => bytes.map((b) => b & 0x7f)],
  ['turns LF into CR LF', (bytes: number[]) => bytes.flatMap((b) => (b === 10 ? [13, 10] : [b]))],
  ['turns CR LF into LF', (bytes: number[]) => bytes.filter((b) => b !== 13)],
  ['turns CR into LF', (bytes: number[]) => bytes.map((b) => (b === 13 ? 10 : b))],
  ['reads it as UTF-8', (bytes: number[]) => [...Buffer.from(Buffer.from(bytes).toString())]],
])('the magic reveals a link that %s', (_, mangle) => {
  expect(mangle([...MAGIC]).slice(0, MAGIC.length)).not.toEqual([...MAGIC]);
});

test('a header is encoded as by the slow twin', () => {
  fc.assert(
    fc.property(frames, ({ type, stream, offset, payload }) => {
      const header = encodeHeader(type, stream, offset, payload);
      expect([...header, ...payload]).toEqual(slowFrame({ type, stream, offset, payload }));
    }),
    { numRuns: 200 },
  );
});

test('a header is decoded as it was encoded, wherever it is in a buffer', () => {
  fc.assert(
    fc.property(frames, fc.nat(20), ({ type, stream, offset, payload }, before) => {
      const header = encodeHeader(type, stream, offset, payload);
      const buffer = new Uint8Array(before + header.length);
      buffer.set(header, before);
      const decoded = decodeHeader(buffer.subarray(before));
      expect(decoded).toMatchObject({ type, stream, offset, flags: 0, length: payload.length });
    }),
    { numRuns: 200 },
  );
});

test('an offset over 4 GiB is truncated to its low 32 bits', () => {
  const header = encodeHeader(FrameType.data, 1, 2 ** 40 + 7, new Uint8Array(1));
  expect(decodeHeader(header).offset).toBe(7);
});
