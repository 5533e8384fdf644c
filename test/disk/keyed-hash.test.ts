import { expect, test } from 'vitest';
import { KeyedHash } from '../../src/disk/keyed-hash.ts';

/**
 * From the reference code's vectors for 64 bits: the key is 0 to 7, the message is 0, 1, 2 and so on,
 * and its first 12 bytes are our prefix.
 */
test.each([
  [12, '7bc71f9faef5c799'],
  [13, '5a2352d75a0c3744'],
  [14, '3bb1a870eae8e658'],
  [15, '217d0bcb4e81c902'],
  [63, '2ea63c71bf326087'],
])('a message of %i bytes has the digest of the reference code', (length, digest) => {
  const hash = new KeyedHash(Buffer.from('0001020304050607', 'hex'));
  const message = Buffer.from(Array.from({ length }, (_, at) => at));
  const prefix = Int32Array.of(
    message.readInt32LE(0),
    message.readInt32LE(4),
    message.readInt32LE(8),
  );
  hash.update(prefix, message.toString('latin1', 12));
  const output = Buffer.alloc(8);
  output.writeInt32LE(hash.low, 0);
  output.writeInt32LE(hash.high, 4);
  expect(output.toString('hex')).toBe(digest);
});
