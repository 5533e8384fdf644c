import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { MemorySource, readArchive } from '../helpers/trees/archive-io.ts';
import { oldGnu, pax00, SPARSE_FORMS, type SparseFile } from '../helpers/trees/evil-sparse.ts';
import { evilMember, evilTar } from '../helpers/trees/evil-tar.ts';

const FORMS = Object.entries(SPARSE_FORMS);
const END = Buffer.alloc(1_024);

/** The whole file, including its holes. */
function expanded({ realSize, regions, data }: SparseFile): Buffer {
  const file = Buffer.alloc(Number(realSize));
  let at = 0;
  for (const [offset, length] of regions) {
    file.write(data.slice(at, at + Number(length)), Number(offset), 'latin1');
    at += Number(length);
  }
  return file;
}

/** Holes and regions in turn, of any length including zero. */
const sparseFile: fc.Arbitrary<SparseFile> = fc
  .tuple(fc.array(fc.tuple(fc.nat(2_000), fc.nat(700)), { maxLength: 60 }), fc.nat(2_000))
  .map(([pairs, behind]) => {
    let at = 0;
    const regions = pairs.map(([hole, length]): [number, number] => {
      const offset = at + hole;
      at = offset + length;
      return [offset, length];
    });
    const size = regions.reduce((sum, [, length]) => sum + length, 0);
    const data = Array.from({ length: size }, (_, i) => String.fromCharCode(1 + (i % 255)));
    return { realSize: at + behind, regions, data: data.join('') };
  });

describe.each(FORMS)('a sparse file in format %s', (_, form) => {
  test('is expanded to the full file, whatever its map, and so is the member after it', () => {
    fc.assert(
      fc.property(sparseFile, fc.integer({ min: 1, max: 3_000 }), (file, piece) => {
        const tar = Buffer.concat([form(file), evilMember({ path: 'b', content: 'after' }), END]);
        const [first, second] = readArchive(tar, [piece]);
        expect(first!.member).toMatchObject({ path: 'a', type: '0', size: file.realSize });
        expect(first!.content.equals(expanded(file))).toBe(true);
        expect(second!.content.toString()).toBe('after');
      }),
    );
  });

  test('is skipped whole if nobody reads it', () => {
    const file = { realSize: 5_000, regions: [[1_000, 700]] as const, data: 'x'.repeat(700) };
    const reader = new TarReader(
      new MemorySource(Buffer.concat([form(file), evilTar({ path: 'b' })])),
    );
    expect(reader.next()).toMatchObject({ path: 'a', size: 5_000 });
    expect(reader.next()).toMatchObject({ path: 'b', size: 0 });
    expect(reader.next()).toBeUndefined();
  });
});

test('numbers of 8 GiB and more are read, also in base 256', () => {
  const realSize = 2 ** 40;
  for (const [, form] of FORMS) {
    const tar = form({ realSize, regions: [[realSize - 3, 3]], data: 'end' });
    const reader = new TarReader(new MemorySource(Buffer.concat([tar, END])));
    expect(reader.next()).toMatchObject({ size: realSize });
    expect(reader.content().every((byte) => byte === 0)).toBe(true);
  }
});

test('extension blocks of the old GNU format are read for as long as they continue', () => {
  const regions = Array.from({ length: 4 + 21 * 3 }, (_, i): [number, number] => [i * 10, 1]);
  const file = { realSize: 1_000, regions, data: 'x'.repeat(regions.length) };
  expect(oldGnu(file)).toHaveLength(512 * 5);
  expect(readArchive(Buffer.concat([oldGnu(file), END]))[0]!.content).toEqual(expanded(file));
});

test('records of pax 0.0 must be in order', () => {
  const whole = pax00({ realSize: 9, regions: [[1, 2]], data: 'xy' });
  const swapped = Buffer.from(
    whole
      .toString('latin1')
      .replace(/(\d+ GNU.sparse.offset=1\n)(\d+ GNU.sparse.numbytes=2\n)/, '$2$1'),
    'latin1',
  );
  expect(swapped.equals(whole)).toBe(false);
  expect(() => readArchive(Buffer.concat([swapped, END]))).toThrow(/has a bad pax header/);
});
