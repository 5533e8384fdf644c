import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32 } from '../../src/wire/crc32.ts';
import { slowCrc32 } from '../helpers/wire/slow-codec.ts';

const text = (s: string) => Buffer.from(s);

test.each([
  ['', 0],
  ['a', 0xe8b7be43],
  ['123456789', 0xcbf43926],
  ['The quick brown fox jumps over the lazy dog', 0x414fa339],
])('the CRC-32 of %j has the known value', (input, expected) => {
  expect(crc32(text(input))).toBe(expected);
});

test('the CRC-32 equals the result of a bitwise division', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(crc32(bytes)).toBe(slowCrc32(bytes));
    }),
    { numRuns: 100 },
  );
});

test('the CRC-32 continues where an earlier piece ended', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      expect(crc32(b, crc32(a))).toBe(crc32(Buffer.concat([a, b])));
    }),
    { numRuns: 100 },
  );
});
