import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeHeader } from '../../src/tar/tar-header.ts';
import type { Entry } from '../../src/entry/entry.ts';
import { MAX_LINK_BYTES, MAX_PATH_BYTES, MAX_OWN_PAX_BYTES } from '../../src/limits.ts';
import { anEntry } from '../helpers/trees/archive-io.ts';
import { slowHeader } from '../helpers/trees/slow-tar-header.ts';

/** Lengths at which the fields of ustar end, and the extended header needs one more block. */
const LENGTHS = [0, 1, 98, 99, 100, 101, 154, 155, 156, 255, 256, 490, MAX_PATH_BYTES];
const byte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
const ascii = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
/** Texts of these bytes, with slashes where names are split. */
const textOf = (unit: fc.Arbitrary<string>) =>
  fc
    .tuple(
      fc.oneof(fc.constantFrom(...LENGTHS), fc.nat(300)),
      fc.array(unit, { minLength: 1, maxLength: 40 }),
      fc.array(fc.constantFrom(97, 98, 99, 100, 154, 155), { maxLength: 2 }),
    )
    .map(([length, units, slashes]) => {
      const text = Array.from({ length }, (_, i) => units[i % units.length]!);
      for (const at of slashes) if (at < length) text[at] = '/';
      return text.join('');
    });
const text = fc.oneof(textOf(ascii), textOf(byte));

const octalEdges = Array.from({ length: 12 }, (_, digits) => [8 ** digits - 1, 8 ** digits]).flat();
const number = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(100_000),
  fc.constantFrom(...octalEdges, 2 ** 53 - 1),
);
const mtimeUs = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -(2 ** 31), max: 2 ** 32 }).map((seconds) => seconds * 1e6),
  fc.integer({ min: 0, max: 2 ** 31 * 1e6 }),
  fc
    .tuple(fc.constantFrom(...octalEdges), fc.constantFrom(-1, 0, 1, 500_000))
    .map(([seconds, us]) => seconds * 1e6 + us),
  fc.constantFrom(0, -1, -1e6, -1_500_000, 2 ** 31 * 1e6 + 1),
);
const entry: fc.Arbitrary<Entry> = fc.record(
  {
    path: text,
    kind: fc.constantFrom('file', 'directory', 'symlink', 'hardlink'),
    mode: fc.oneof(fc.nat(0o7777), fc.nat(0o177777)),
    mtimeUs,
    size: number,
    link: text,
    kept: number,
  },
  { requiredKeys: ['path', 'kind', 'mode', 'mtimeUs', 'size'] },
);

describe('headers equal those of the slow twin, byte for byte,', () => {
  test('for any entries, one after another', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), (entries) => {
        for (const each of entries) expectTwin(each);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(['file', 'directory', 'symlink', 'hardlink'] as const)(
    'for a %s with a name of any length, and a slash anywhere in it',
    (kind) => {
      for (let length = 0; length <= 260; length++) {
        const name = 'n'.repeat(length);
        expectTwin(anEntry({ kind, path: name }));
        expectTwin(anEntry({ kind, path: 'a', link: name }));
        expectTwin(anEntry({ kind, path: `${name}/${'n'.repeat(260 - length)}`, size: 700 }));
      }
    },
  );

  test('for every mode', () => {
    for (let mode = 0; mode <= 0o7777; mode++) expectTwin(anEntry({ mode }));
  });

  test('for sizes and times at which an octal number needs one more digit', () => {
    for (const value of octalEdges) {
      expectTwin(anEntry({ size: value }));
      expectTwin(anEntry({ size: value, mtimeUs: value * 1e6 }));
      expectTwin(anEntry({ mtimeUs: -value * 1e6 }));
    }
  });
});

test('the longest path and the longest link fit', () => {
  const path = '\xff'.repeat(MAX_PATH_BYTES);
  const link = '\xfe'.repeat(MAX_LINK_BYTES);
  expectTwin(anEntry({ kind: 'symlink', path, link, size: Number.MAX_SAFE_INTEGER, mtimeUs: -1 }));
});

test('a pax header that no reader would accept is not written', () => {
  const overhead = '65536 path=\n'.length;
  expectTwin(anEntry({ path: 'p'.repeat(MAX_OWN_PAX_BYTES - overhead) }));
  expect(() =>
    encodeHeader(anEntry({ path: 'p'.repeat(MAX_OWN_PAX_BYTES - overhead + 1) })),
  ).toThrow(expect.objectContaining({ code: 'internal' }));
});

function expectTwin(each: Entry): void {
  const header = Buffer.from(encodeHeader(each));
  const twin = slowHeader(each);
  // Compared twice: a diff of two long buffers takes longer than all the rest.
  if (!header.equals(twin)) expect(header.toString('latin1')).toBe(twin.toString('latin1'));
}
