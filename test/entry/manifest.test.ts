import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePaths } from '../../src/disk/byte-path.ts';
import type { ManifestEntry } from '../../src/entry/entry.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { MAX_LINK_BYTES, MAX_PATH_BYTES, MAX_RECORD_BYTES } from '../../src/limits.ts';
import { ManifestWriter, readManifest } from '../../src/entry/manifest.ts';
import { aListed, MemorySink, MemorySource } from '../helpers/trees/archive-io.ts';
import { corruptListBy } from '../helpers/wire/corrupt-list.ts';
import { manifestBytes } from '../helpers/cli/incremental.ts';

const SHA256 = '0123456789abcdef'.repeat(4);
const expectCorrupt = corruptListBy(read);

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
  stamp: fc.stringMatching(/^[0-9a-f]{8}$/),
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
  it('comes back as it was, whatever it has and however its bytes are sliced', () => {
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

  it('has the longest path and the longest link text', () => {
    const long = `${'x'.repeat(254)}/`.repeat(15).slice(0, MAX_PATH_BYTES);
    const text = '\xff'.repeat(MAX_LINK_BYTES);
    const some = [
      aListed({ path: '', kind: 'directory' }),
      aListed({ path: long, kind: 'symlink', link: text }),
      aListed({ path: `${long.slice(0, -1)}y`, kind: 'hardlink', link: long }),
    ];
    expect(read(manifestBytes(some), [1])).toEqual(some);
  });

  it('of nothing is nothing', () => {
    expect(manifestBytes([])).toHaveLength(0);
    expect(read(Buffer.alloc(0))).toEqual([]);
  });

  it('is not handed on before its end, and much of it is not kept until then', () => {
    const sink = new MemorySink();
    const writer = new ManifestWriter(sink);
    writer.add(aListed({ path: 'a' }));
    expect(sink.bytes()).toHaveLength(0);
    for (let i = 0; i < 10_000; i++) writer.add(aListed({ path: `b${10_000 + i}` }));
    expect(sink.bytes().length).toBeGreaterThan(100_000);
    writer.end();
    expect(read(sink.bytes())).toHaveLength(10_001);
  });

  it('gives an entry as soon as its bytes are there, and reads no further', () => {
    const whole = manifestBytes([aListed({ path: 'a' }), aListed({ path: 'b' })]);
    const second = whole.indexOf('f644', 1);
    const source = new MemorySource(whole, [second, Infinity]);
    const reading = readManifest(source);
    expect(reading.next().value).toMatchObject({ path: 'a' });
    expect(source.peek()).toHaveLength(whole.length - second);
  });
});

describe('a manifest that is broken', () => {
  it.each<[what: string, text: string]>([
    ['an unknown letter', 'x644 0 0 0 0badcafe\0a\0'],
    ['no letter', '644 0 0 0 0badcafe\0a\0'],
    ['an upper-case letter', 'F644 0 0 0 0badcafe\0a\0'],
    ['a mode that is no octal number', 'f648 0 0 0 0badcafe\0a\0'],
    ['no mode', 'f 0 0 0 0badcafe\0a\0'],
    ['a setuid bit', 'f4755 0 0 0 0badcafe\0a\0'],
    ['a setgid bit', 'd2755 0 0 0 0badcafe\0a\0'],
    ['a mode of five digits', 'f01755 0 0 0 0badcafe\0a\0'],
    ['a fractional time', 'f644 1.5 0 0 0badcafe\0a\0'],
    ['a time that cannot be kept', 'f644 9007199254740993 0 0 0badcafe\0a\0'],
    ['no time', 'f644  0 0 0badcafe\0a\0'],
    ['a negative size', 'f644 0 -1 0 0badcafe\0a\0'],
    ['a size that cannot be counted', 'f644 0 9007199254740993 0 0badcafe\0a\0'],
    ['a size in hex', 'f644 0 0x1 0 0badcafe\0a\0'],
    ['nothing shared said', 'f644 0 0 0badcafe\0a\0'],
    ['a negative shared length', 'f644 0 0 -1 0badcafe\0a\0'],
    ['more shared than there was, at its beginning', 'f644 0 0 1 0badcafe\0a\0'],
    ['no stamp', 'f644 0 0 0\0a\0'],
    ['a digest in place of a stamp', `f644 0 0 0 ${SHA256}\0a\0`],
    ['a short stamp', 'f644 0 0 0 0badcaf\0a\0'],
    ['a stamp in upper case', 'f644 0 0 0 0BADCAFE\0a\0'],
    ['a short digest', `f644 0 0 0 0badcafe ${SHA256.slice(1)}\0a\0`],
    ['a long digest', `f644 0 0 0 0badcafe ${SHA256}0\0a\0`],
    ['a digest in upper case', `f644 0 0 0 0badcafe ${SHA256.toUpperCase()}\0a\0`],
    ['a space too many', 'f644 0 0 0 0badcafe \0a\0'],
    ['a line end', 'f644 0 0 0 0badcafe\n\0a\0'],
    ['an empty record for a head', '\0a\0'],
    ['a path for a head', 'a\0'],
  ])('by an entry with %s is corrupt', (_, text) => {
    const [head] = text.split('\0') as [string];
    const shown = head.replace('\n', '\\x0a').slice(0, 80);
    expectCorrupt(text, `has a bad entry: ${shown}`);
  });

  it('by more shared than the path before has is corrupt', () => {
    expectCorrupt(
      'f644 0 0 0 0badcafe\0abc\0f644 0 0 4 0badcafe\0x\0',
      'has a bad entry: f644 0 0 4 0badcafe',
    );
    expect(
      readText('f644 0 0 0 0badcafe\0abc\0f644 0 0 3 0badcafe\0x\0').map((each) => each.path),
    ).toEqual(['abc', 'abcx']);
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
  ])('%s is corrupt, and says where', (_, paths, at) => {
    const text = paths.map((each) => `d755 0 0 0 0badcafe\0${each}\0`).join('');
    expectCorrupt(text, `is out of order at ${at}`);
    expectCorrupt(text, `is out of order at ${at}`, [1]);
  });

  it('out of order is corrupt also where the paths share their beginning', () => {
    expectCorrupt(
      'f644 0 0 0 0badcafe\0directory/b\0f644 0 0 7 0badcafe\0a\0',
      'is out of order at directory/a',
    );
    expectCorrupt(
      'f644 0 0 0 0badcafe\0directory/b\0f644 0 0 8 0badcafe\0\0',
      'is out of order at directory/b',
    );
    expectCorrupt(
      'f644 0 0 0 0badcafe\0directory/b\0f644 0 0 6 0badcafe\0\0',
      'is out of order at directory',
    );
  });

  it('cut anywhere is corrupt, but between two entries', () => {
    const first = manifestBytes([aListed({ path: 'a', kind: 'symlink', link: 'text' })]);
    const whole = manifestBytes([
      aListed({ path: 'a', kind: 'symlink', link: 'text' }),
      aListed({ path: 'b' }),
    ]);
    for (let length = 1; length < whole.length; length++) {
      if (length === first.length) continue;
      const cut = whole.subarray(0, length);
      const words = cut.at(-1) === 0 ? 'in the middle of an entry' : 'in the middle of a record';
      expectCorrupt(cut, `ends ${words}`);
      expectCorrupt(cut, `ends ${words}`, [1]);
    }
    expect(read(whole.subarray(0, first.length))).toHaveLength(1);
  });

  it.each([[1], [100], [Infinity]])(
    'by a record that is too long is corrupt, in pieces of %s bytes too',
    (piece) => {
      const longest = 'x'.repeat(MAX_RECORD_BYTES);
      expect(readText(`f644 0 0 0 0badcafe\0${longest}\0`, [piece])).toMatchObject([
        { path: longest },
      ]);
      expectCorrupt(`f644 0 0 0 0badcafe\0${longest}x\0`, 'has a record that is too long', [piece]);
      expectCorrupt(`${longest}x\0`, 'has a record that is too long', [piece]);
    },
  );

  it('by a record without an end is refused when it is too long, and not gathered', () => {
    const source = new MemorySource(Buffer.alloc(1_000_000, 'x'), [1_000]);
    expect(() => [...readManifest(source)]).toThrow('has a record that is too long');
    let left = 0;
    for (let some = source.peek(); some.length > 0; some = source.peek()) {
      left += some.length;
      source.consumed(some.length);
    }
    expect(left).toBeGreaterThan(1_000_000 - 2 * MAX_RECORD_BYTES);
  });

  it('shows nothing of it that could garble a terminal, and not all of it', () => {
    expectCorrupt(`\x1b[31m${'x'.repeat(1_000)}\0`, `has a bad entry: \\x1b[31m${'x'.repeat(75)}`);
  });

  it('whatever it is made of, is corrupt or has entries in order: nothing else is thrown', () => {
    const text = fc.array(
      fc.constantFrom(
        'f644 0 0 0 0badcafe',
        'l777 -5 0 1 0badcafe',
        'h644 0 0 2 0badcafe',
        'a',
        'b/c',
        '',
        '\0',
        '\0',
        '\xff',
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(text, (parts) => {
        try {
          const paths = readText(parts.join('')).map((each) => each.path);
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

function readText(text: string, slices?: readonly number[]): ManifestEntry[] {
  return read(Buffer.from(text, 'latin1'), slices);
}

function toBytes(codes: readonly number[]): string {
  return String.fromCharCode(...codes);
}
