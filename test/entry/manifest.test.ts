import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePaths } from '../../src/disk/byte-path.ts';
import type { ManifestEntry } from '../../src/entry/entry.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { MAX_LINK_BYTES, MAX_PATH_BYTES, MAX_RECORD_TEXT_BYTES } from '../../src/limits.ts';
import { ManifestWriter, readManifest } from '../../src/entry/manifest.ts';
import { aListed, MemorySink, MemorySource } from '../helpers/trees/archive-io.ts';
import { corruptListBy } from '../helpers/wire/corrupt-list.ts';
import { encodeManifest, type ManifestRecord } from '../helpers/wire/independent-records.ts';
import { manifestBytes } from '../helpers/cli/incremental.ts';

const SHA256 = '0123456789abcdef'.repeat(4);
const expectCorrupt = corruptListBy("the sender's manifest", read);

const byte = fc.integer({ min: 1, max: 255 }).filter((code) => code !== 0x2f);
const name = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom('a', 'a!', 'ab', 'b', 'new\nline', 'caf\xe9', '\xff') },
    { weight: 1, arbitrary: fc.array(byte, { minLength: 1, maxLength: 20 }).map(toBytes) },
    { weight: 1, arbitrary: fc.constantFrom('x'.repeat(255), '\xe9'.repeat(255)) },
  )
  .filter((text) => text !== '.' && text !== '..');
const path = fc.array(name, { minLength: 1, maxLength: 6 }).map((names) => names.join('/'));
const common = {
  stamp: fc.nat(2 ** 32 - 1),
  mode: fc.integer({ min: 0, max: 0o1777 }),
  mtimeUs: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, 1, -1, 1_700_000_000_123_456)),
};
const size = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, 2 ** 33 + 1));
const link = fc.array(byte, { minLength: 1, maxLength: 300 }).map(toBytes);
const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);

const entry: fc.Arbitrary<ManifestEntry> = fc.oneof(
  fc.record(
    { path, kind: fc.constant('file'), ...common, size, linked: fc.constant(true), sha256 },
    { requiredKeys: ['path', 'kind', 'mode', 'mtimeUs', 'size', 'stamp'] },
  ),
  fc.record({ path, kind: fc.constant('directory'), ...common, size: fc.constant(0) }),
  fc.record({
    path,
    kind: fc.constantFrom('symlink', 'hardlink'),
    ...common,
    size: fc.constant(0),
    link,
  }),
);

/** In the order of a walk; nothing else about their paths matters here. */
const entries = fc
  .uniqueArray(entry, { selector: (each) => each.path, maxLength: 12 })
  .map((some) => some.toSorted((a, b) => comparePaths(a.path, b.path)));
const pieces = fc.oneof(
  fc.constant([1]),
  fc.constant([Infinity]),
  fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 }),
);

describe('a manifest', () => {
  it('is read back unchanged, whatever it has and however its bytes are sliced', () => {
    fc.assert(
      fc.property(entries, pieces, pieces, (some, rooms, slices) => {
        const sink = new MemorySink({ rooms: rooms.map((room) => Math.min(room, 65_536)) });
        const writer = new ManifestWriter(sink);
        for (const each of some) writer.add(each);
        writer.end();
        expect(read(sink.bytes(), slices)).toEqual(some);
      }),
    );
  });

  it('can have the longest path and the longest link text', () => {
    const long = `${'x'.repeat(254)}/`.repeat(15).slice(0, MAX_PATH_BYTES);
    const text = '\xff'.repeat(MAX_LINK_BYTES);
    const some = [
      aListed({ path: '', kind: 'directory' }),
      aListed({ path: long, kind: 'symlink', link: text }),
      aListed({ path: `${long.slice(0, -1)}y`, kind: 'hardlink', link: long }),
    ];
    expect(read(manifestBytes(some), [1])).toEqual(some);
  });

  it('without entries is a single byte, and is read back empty', () => {
    expect(manifestBytes([])).toHaveLength(1);
    expect(read(manifestBytes([]))).toEqual([]);
  });

  it('is passed on in batches, so that a long one is not held in memory', () => {
    const sink = new MemorySink();
    const writer = new ManifestWriter(sink);
    writer.add(aListed({ path: 'a' }));
    expect(sink.bytes()).toHaveLength(0);
    for (let i = 0; i < 10_000; i++) writer.add(aListed({ path: `b${10_000 + i}` }));
    expect(sink.bytes().length).toBeGreaterThan(100_000);
    writer.end();
    expect(read(sink.bytes())).toHaveLength(10_001);
  });

  it('yields an entry as soon as its bytes have arrived, and reads no further', () => {
    const [a, b] = [aListed({ path: 'a' }), aListed({ path: 'b' })];
    const whole = manifestBytes([a, b]);
    const second = manifestBytes([a]).length - 1;
    const source = new MemorySource(whole, [second, Infinity]);
    const reading = readManifest(source);
    expect(reading.next().value).toMatchObject({ path: 'a' });
    expect(source.peek()).toHaveLength(whole.length - second);
  });
});

describe('a broken manifest', () => {
  it.each<[what: string, record: ManifestRecord]>([
    ['an unknown flag', { kind: 'file', path: 'a', flip: 0x40 }],
    ['the flag of a stream of another kind', { kind: 'file', path: 'a', flip: 0x10 }],
    ['a directory with several names', { kind: 'directory', path: 'a', flip: 0x04 }],
    ['a hardlink with several names', { kind: 'hardlink', path: 'a', link: 'b', flip: 0x04 }],
    ['a digest of a symlink', { kind: 'symlink', path: 'a', link: 'b', sha256: SHA256 }],
    ['a mode with setuid', { kind: 'file', path: 'a', mode: 0o4644 }],
    ['a mode beyond all', { kind: 'file', path: 'a', mode: 2 ** 53 - 1 }],
    ['a time that is minus nothing', { kind: 'file', path: 'a', mtimeUs: 0, flip: 0x20 }],
  ])('is refused as corrupt for an entry with %s', (_, record) => {
    for (const slices of [[1], [Infinity]]) {
      expectCorrupt(encodeManifest([record]), 'has a bad entry: a', slices);
    }
  });

  it('is refused as corrupt if an entry shares more bytes than the path before has', () => {
    const first: ManifestRecord = { kind: 'file', path: 'abc' };
    const second = (shared: number): ManifestRecord => ({ kind: 'file', path: 'abcdx', shared });
    expectCorrupt(encodeManifest([{ ...first, shared: 1 }]), 'has a bad entry: bc');
    expectCorrupt(encodeManifest([first, second(4)]), 'has a bad entry: abcx');
    expect(read(encodeManifest([first, second(3)])).map((each) => each.path)).toEqual([
      'abc',
      'abcdx',
    ]);
  });

  it('is refused if a path grows beyond its limit', () => {
    const long = 'x'.repeat(MAX_RECORD_TEXT_BYTES);
    const longer: ManifestRecord[] = [long, `${long}y`].map((each) => ({
      kind: 'file',
      path: each,
    }));
    expect(read(encodeManifest(longer.slice(0, 1)))).toHaveLength(1);
    expect(() => read(encodeManifest(longer))).toThrow(/has a bad entry: x+y$/);
  });

  it.each<[what: string, paths: string[], at: string]>([
    ['out of order', ['b', 'a'], 'a'],
    ['out of order by a later letter', ['ab', 'aa'], 'aa'],
    ['with an entry twice', ['a', 'a'], 'a'],
    ['with its root twice', ['', ''], ''],
    ['with its root later', ['a', ''], ''],
    ['with a directory after what is in it', ['a/b', 'a'], 'a'],
    ['with what is in a directory after its sibling', ['a', 'a!', 'a/b'], 'a/b'],
    ['ordered as signed bytes', ['\xff', 'a'], 'a'],
    [
      'out of order where the paths share their beginning',
      ['directory/b', 'directory/a'],
      'directory/a',
    ],
    ['back in the directory above', ['directory/b', 'directory'], 'directory'],
  ])('%s is refused as corrupt, with the position', (_, paths, at) => {
    for (const shared of [undefined, 0]) {
      const records = paths.map((each): ManifestRecord => ({
        kind: 'directory',
        path: each,
        ...(shared === undefined ? {} : { shared }),
      }));
      for (const slices of [[1], [Infinity]]) {
        expectCorrupt(encodeManifest(records), `is out of order at ${at}`, slices);
      }
    }
  });

  it('is refused as corrupt if it is truncated anywhere', () => {
    const whole = manifestBytes([
      aListed({ path: 'a', kind: 'symlink', link: 'text' }),
      aListed({ path: 'b', sha256: SHA256 }),
    ]);
    for (let length = 0; length < whole.length; length++) {
      for (const slices of [[1], [Infinity]]) {
        expect(() => read(whole.subarray(0, length), slices)).toThrow(
          expect.objectContaining({
            code: 'corrupt',
            message: expect.stringMatching(/ends (?:too early|in the middle of an entry)$/),
          }),
        );
      }
    }
  });

  it('causes an error that cannot garble a terminal', () => {
    const record: ManifestRecord = { kind: 'file', path: '\x1b[31m', flip: 0x40 };
    expectCorrupt(encodeManifest([record]), 'has a bad entry: \\x1b[31m');
  });

  it('is refused as corrupt or yields entries in order, whatever its bytes: nothing else is thrown', () => {
    const bytes = fc.array(
      fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 4, 8, 0x20, 0x40, 0x61, 0x62, 0x2f, 0x80, 0xff),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(bytes, pieces, (codes, slices) => {
        try {
          const paths = read(Buffer.from(codes), slices).map((each) => each.path);
          expect(paths).toEqual([...new Set(paths)].toSorted(comparePaths));
        } catch (error) {
          expect(error).toBeInstanceOf(CtxsyncError);
          expect(error).toMatchObject({ code: 'corrupt' });
        }
      }),
    );
  });
});

function read(bytes: Uint8Array, slices?: readonly number[]): ManifestEntry[] {
  return [...readManifest(new MemorySource(bytes, slices))];
}

function toBytes(codes: readonly number[]): string {
  return String.fromCharCode(...codes);
}
