import { expect, test } from 'vitest';
import { StreamDigest } from '../../src/wire/stream-digest.ts';
import { seeded } from '../helpers/seeded.ts';
import { slowGmac } from '../helpers/wire/slow-codec.ts';

const TRANSFER = '0123456789abcdef0123456789abcdef';
const BYTES = Buffer.from(Array.from({ length: 1_000 }, (_, at) => (at * 7) & 0xff));

function digestOf(slices: Iterable<Uint8Array>, transfer = TRANSFER, stream = 1): string {
  const digest = new StreamDigest(transfer, stream);
  for (const slice of slices) digest.update(slice);
  return digest.digest();
}

test('the bitwise twin computes the test vector of the GCM specification', () => {
  // McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test case 1.
  expect(slowGmac('0'.repeat(32), 0, new Uint8Array(0))).toBe('58e2fccefa7e3061367f1d57a4e7455a');
});

test.each([0, 1, 15, 16, 17, 999, 1_000])('the digest of %d bytes is their GMAC', (count) => {
  const bytes = BYTES.subarray(0, count);
  expect(digestOf([bytes])).toBe(slowGmac(TRANSFER, 1, bytes));
});

test('the digest is the same for any slicing of the bytes', () => {
  const random = seeded(7);
  for (let run = 0; run < 50; run++) {
    const slices: Uint8Array[] = [];
    for (let at = 0; at < BYTES.length;) {
      const count = 1 + random(100);
      slices.push(BYTES.subarray(at, at + count));
      at += count;
    }
    expect(digestOf(slices)).toBe(digestOf([BYTES]));
  }
});

test('the digest changes with a flipped bit, a missing byte, another stream or another transfer', () => {
  const before = digestOf([BYTES]);
  for (let bit = 0; bit < BYTES.length * 8; bit += 37) {
    const flipped = Buffer.from(BYTES);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expect(digestOf([flipped])).not.toBe(before);
  }
  expect(digestOf([BYTES.subarray(1)])).not.toBe(before);
  expect(digestOf([BYTES], TRANSFER, 2)).not.toBe(before);
  expect(digestOf([BYTES], TRANSFER.replace('0', '1'))).not.toBe(before);
});
