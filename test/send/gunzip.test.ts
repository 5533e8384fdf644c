import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Gunzip } from '../../src/send/gunzip.ts';

/** The output for these bytes, written in pieces of this size. */
async function gunzipped(bytes: Buffer, piece = bytes.length): Promise<string> {
  const delivered: Buffer[] = [];
  const gunzip = new Gunzip((part) => {
    delivered.push(Buffer.from(part));
    return undefined;
  });
  // The same memory again and again, as with a read buffer.
  const memory = Buffer.alloc(piece);
  for (let at = 0; at < bytes.length; at += piece) {
    const count = bytes.copy(memory, 0, at, at + piece);
    await gunzip.write(memory.subarray(0, count));
  }
  await gunzip.end();
  return Buffer.concat(delivered).toString('latin1');
}

const zeros = fc.nat(700).map((count) => Buffer.alloc(count));
const text = fc.string({ maxLength: 300 }).map((part) => part.repeat(part.length));

test('gzip members come out in order, with any number of zeros in between and any slicing', async () => {
  const members = fc.array(fc.tuple(text, zeros), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(members, fc.integer({ min: 1, max: 500 }), async (parts, piece) => {
      const bytes = Buffer.concat(
        parts.flatMap(([part, behind]) => [gzipSync(Buffer.from(part, 'latin1')), behind]),
      );
      const expected = parts.map(([part]) => Buffer.from(part, 'latin1').toString('latin1'));
      expect(await gunzipped(bytes, piece)).toBe(expected.join(''));
    }),
  );
});

describe('wherever it is cut,', () => {
  const gzip = gzipSync('content');
  const pieces = Array.from({ length: gzip.length + 12 }, (_, i) => i + 1);

  test('data after a gzip member is refused unless it is a gzip member or zeros', async () => {
    for (const between of [0, 1, 9]) {
      for (const rest of ['hello, world', '\x1e', '\x1f']) {
        const bytes = Buffer.concat([gzip, Buffer.alloc(between), Buffer.from(rest, 'latin1')]);
        for (const piece of pieces) {
          await expect(gunzipped(bytes, piece)).rejects.toMatchObject({
            code: 'source-unreadable',
            message: expect.stringMatching(
              rest === '\x1f'
                ? /is damaged: unexpected end of file/
                : /is followed by data that is neither a gzip nor zeros|is damaged: unexpected end of file/,
            ) as string,
          });
        }
      }
    }
  });

  test('an incomplete gzip member is refused, even after a complete one', async () => {
    for (let length = 1; length < gzip.length; length++) {
      const cut = gzip.subarray(0, length);
      const message = 'the gzip is damaged: unexpected end of file';
      await expect(gunzipped(cut)).rejects.toMatchObject({ message });
      await expect(gunzipped(Buffer.concat([gzip, cut]))).rejects.toMatchObject({ message });
      const apart = Buffer.concat([gzip, Buffer.alloc(3), cut]);
      await expect(gunzipped(apart, length)).rejects.toMatchObject({ message });
    }
  });
});
