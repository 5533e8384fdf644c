import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeItem, ItemDecoder, type Item } from '../../src/entry/item.ts';
import { MAX_PATH_BYTES } from '../../src/limits.ts';
import { captureError } from '../helpers/capture-error.ts';

const CODE = '>f+++++++++';

function bytesOf(items: readonly Item[]): Buffer {
  return Buffer.from(items.map(encodeItem).join(''), 'latin1');
}

function decode(pieces: Iterable<Uint8Array>): Item[] {
  const decoder = new ItemDecoder();
  const items = Array.from(pieces).flatMap((piece) => Array.from(decoder.push(piece)));
  decoder.end();
  return items;
}

describe('items', () => {
  test('arrive as they were, in whatever pieces', () => {
    const path = fc.string({
      unit: fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte)),
      minLength: 1,
    });
    const items = fc.array(fc.record({ code: fc.constantFrom(CODE, '*deleting  '), path }));
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 9 }), (sent, size) => {
        const bytes = bytesOf(sent);
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.subarray(at * size, (at + 1) * size),
        );
        expect(decode(pieces)).toEqual(sent);
      }),
    );
  });

  test('may have the longest path, of a directory, and nothing beyond', () => {
    const longest = { code: CODE, path: `${'a'.repeat(MAX_PATH_BYTES)}/` };
    expect(decode([bytesOf([longest])])).toEqual([longest]);
    const longer = { ...longest, path: `b${longest.path}` };
    expect(decode([bytesOf([longer])])).toEqual([longest]);
    const endless = captureError(() => decode([Buffer.alloc(2 * MAX_PATH_BYTES, 'a')]));
    expect(endless).toMatchObject({ code: 'corrupt' });
  });

  test.each([
    ['without a path', `${CODE}\0`],
    ['without a code', '\0'],
    ['with a code of other bytes', `>f\n++++++++a\0`],
    ['that does not end', `${CODE}a`],
  ])('%s are corrupt', (_, text) => {
    expect(captureError(() => decode([Buffer.from(text)]))).toMatchObject({ code: 'corrupt' });
  });
});
