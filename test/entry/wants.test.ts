import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePaths } from '../../src/disk/byte-path.ts';
import type { Want } from '../../src/entry/entry.ts';
import { MAX_RECORD_BYTES } from '../../src/limits.ts';
import { WantReader, WantWriter } from '../../src/entry/wants.ts';
import { MemorySink, MemorySource } from '../helpers/trees/archive-io.ts';
import { corruptListBy } from '../helpers/wire/corrupt-list.ts';
import { wantBytes } from '../helpers/cli/incremental.ts';

const SHA256 = '0123456789abcdef'.repeat(4);
const HEAD = 'f0badcafe';
const expectCorrupt = corruptListBy(read);

const byte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
const want: fc.Arbitrary<Want> = fc.record(
  {
    path: fc.oneof(fc.string({ unit: byte, maxLength: 300 }), fc.constantFrom('', '+', '=', '\n')),
    kind: fc.constantFrom('file', 'directory', 'symlink', 'hardlink'),
    stamp: fc.stringMatching(/^[0-9a-f]{8}$/),
    sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
  },
  { requiredKeys: ['path', 'kind', 'stamp'] },
);
const wants = fc
  .uniqueArray(want, { selector: ({ path }) => path, maxLength: 12 })
  .map((some) => some.toSorted((a, b) => comparePaths(a.path, b.path)));
const pieces = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 });

describe('a list of wants', () => {
  it('comes back as it was, whatever its paths and however its bytes are sliced', () => {
    fc.assert(
      fc.property(wants, pieces, pieces, (some, rooms, slices) => {
        const sink = new MemorySink({ rooms });
        const writer = new WantWriter(sink);
        for (const each of some) writer.add(each);
        writer.end();
        for (const given of [[1], [Infinity], slices]) {
          expect(read(sink.bytes(), given)).toEqual(some);
        }
      }),
    );
  });

  it('of nothing is nothing', () => {
    expect(wantBytes([])).toHaveLength(0);
    expect(read(Buffer.alloc(0))).toEqual([]);
  });

  it('shows the next one until it was taken, and at its end stays at its end', () => {
    const [a, b] = [aWant('a'), aWant('b')];
    const reader = new WantReader(new MemorySource(wantBytes([a, b])));
    expect(reader.peek()).toEqual(a);
    expect(reader.peek()).toEqual(a);
    reader.take();
    expect(reader.peek()).toEqual(b);
    reader.take();
    expect(reader.peek()).toBeUndefined();
    expect(reader.peek()).toBeUndefined();
  });
});

describe('a list of wants that is broken', () => {
  it.each<[what: string, text: string]>([
    ['no sign', `${HEAD}a\0`],
    ['an unknown sign', `${HEAD}-a\0`],
    ['nothing at all', '\0'],
    ['no kind', '0badcafe+a\0'],
    ['an unknown kind', 'x0badcafe+a\0'],
    ['the kind of a manifest alone', 'n0badcafe+a\0'],
    ['no stamp', 'f+a\0'],
    ['a stamp that is too short', 'f0badcaf+a\0'],
    ['a stamp in upper case', 'f0BADCAFE+a\0'],
    ['a digest that is too short', `${HEAD}=${SHA256.slice(1)}\0`],
    ['a digest that has no digits', `${HEAD}=${'x'.repeat(64)}a\0`],
    ['a digest in upper case', `${HEAD}=${SHA256.toUpperCase()}a\0`],
    ['a digest for a path alone', `${HEAD}=a/file\0`],
  ])('by one with %s is corrupt', (_, text) => {
    expectCorrupt(text, `has a bad want: ${text.slice(0, -1).slice(0, 80)}`);
  });

  it.each<[what: string, paths: string[], at: string]>([
    ['out of order', ['b', 'a'], 'a'],
    ['with a path twice', ['a', 'a'], 'a'],
    ['with its root twice', ['', ''], ''],
    ['with a directory after what is in it', ['a/b', 'a'], 'a'],
    ['with what is in a directory after its sibling', ['a', 'a!', 'a/b'], 'a/b'],
  ])('%s is corrupt, and says where', (_, paths, at) => {
    for (const slices of [[1], [Infinity]]) {
      expectCorrupt(
        paths.map((each) => `${HEAD}+${each}\0`).join(''),
        `is out of order at ${at}`,
        slices,
      );
    }
  });

  it('with a path twice, once with a digest, is corrupt', () => {
    expectCorrupt(`${HEAD}+a\0${HEAD}=${SHA256}a\0`, 'is out of order at a');
  });

  it('cut in the middle of a record is corrupt', () => {
    const whole = wantBytes([aWant('abc'), { ...aWant('b'), sha256: SHA256 }]);
    for (let length = 1; length < whole.length; length++) {
      if (whole[length - 1] === 0) continue;
      expectCorrupt(whole.subarray(0, length), 'ends in the middle of a record');
    }
  });

  it.each([[1], [Infinity]])(
    'by a record that is too long is corrupt, in pieces of %s bytes too',
    (piece) => {
      const longest = `${HEAD}+${'x'.repeat(MAX_RECORD_BYTES - HEAD.length - 1)}`;
      expect(read(Buffer.from(`${longest}\0`), [piece])).toHaveLength(1);
      expectCorrupt(`${longest}x\0`, 'has a record that is too long', [piece]);
      expectCorrupt(`${longest}x`, 'has a record that is too long', [piece]);
    },
  );
});

function aWant(path: string): Want {
  return { path, kind: 'file', stamp: '0badcafe' };
}

function read(bytes: Uint8Array, slices?: readonly number[]): Want[] {
  const reader = new WantReader(new MemorySource(bytes, slices));
  const all: Want[] = [];
  for (let next = reader.peek(); next !== undefined; next = reader.peek()) {
    all.push(next);
    reader.take();
  }
  return all;
}
