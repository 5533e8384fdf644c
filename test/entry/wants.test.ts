import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePaths } from '../../src/disk/byte-path.ts';
import type { Want } from '../../src/entry/entry.ts';
import { WantReader, WantWriter } from '../../src/entry/wants.ts';
import { MemorySink, MemorySource } from '../helpers/trees/archive-io.ts';
import { corruptListBy } from '../helpers/wire/corrupt-list.ts';
import { encodeWants, type WantRecord } from '../helpers/wire/independent-records.ts';
import { wantBytes } from '../helpers/cli/incremental.ts';

const SHA256 = '0123456789abcdef'.repeat(4);
const expectCorrupt = corruptListBy("the receiver's list of wanted entries", read);

const byte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
const want: fc.Arbitrary<Want> = fc
  .record(
    {
      path: fc.oneof(
        fc.string({ unit: byte, maxLength: 300 }),
        fc.constantFrom('', '+', '=', '\n'),
      ),
      kind: fc.constantFrom('file', 'directory', 'symlink', 'hardlink'),
      stamp: fc.nat(2 ** 32 - 1),
      sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
    },
    { requiredKeys: ['path', 'kind', 'stamp'] },
  )
  .map((each) => {
    if (each.kind !== 'file') delete each.sha256;
    return each;
  });
const wants = fc
  .uniqueArray(want, { selector: ({ path }) => path, maxLength: 12 })
  .map((some) => some.toSorted((a, b) => comparePaths(a.path, b.path)));
const pieces = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 });

describe('a list of wants', () => {
  it('is read back unchanged, whatever its paths and however its bytes are sliced', () => {
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

  it('without entries is a single byte, and is read back empty', () => {
    expect(wantBytes([])).toHaveLength(1);
    expect(read(wantBytes([]))).toEqual([]);
  });

  it('shows the next want until it is taken, and stays at its end', () => {
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

describe('a broken list of wants', () => {
  it.each<[what: string, want: WantRecord]>([
    ['an unknown flag', { kind: 'file', path: 'a', flip: 0x40 }],
    ['the flag of a manifest alone', { kind: 'file', path: 'a', flip: 0x04 }],
    ['the flag of a tree alone', { kind: 'file', path: 'a', flip: 0x10 }],
    ['a time', { kind: 'file', path: 'a', flip: 0x20 }],
    ['a digest of a directory', { kind: 'directory', path: 'a', sha256: SHA256 }],
  ])('is refused as corrupt for an entry with %s', (_, record) => {
    expectCorrupt(encodeWants([record]), 'has a bad entry: a');
  });

  it.each<[what: string, paths: string[], at: string]>([
    ['out of order', ['b', 'a'], 'a'],
    ['with a path twice', ['a', 'a'], 'a'],
    ['with its root twice', ['', ''], ''],
    ['with a directory after what is in it', ['a/b', 'a'], 'a'],
    ['with what is in a directory after its sibling', ['a', 'a!', 'a/b'], 'a/b'],
  ])('%s is refused as corrupt, with the position', (_, paths, at) => {
    for (const slices of [[1], [Infinity]]) {
      const records = paths.map((each): WantRecord => ({ kind: 'file', path: each }));
      expectCorrupt(encodeWants(records), `is out of order at ${at}`, slices);
    }
  });

  it('is refused as corrupt if a path comes twice, once with a digest', () => {
    const twice: WantRecord[] = [
      { kind: 'file', path: 'a' },
      { kind: 'file', path: 'a', sha256: SHA256 },
    ];
    expectCorrupt(encodeWants(twice), 'is out of order at a');
  });

  it('is refused as corrupt if it is truncated anywhere', () => {
    const whole = wantBytes([aWant('abc'), { ...aWant('b'), sha256: SHA256 }]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => read(whole.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'corrupt' }),
      );
    }
  });
});

function aWant(path: string): Want {
  return { path, kind: 'file', stamp: 0x0badcafe };
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
