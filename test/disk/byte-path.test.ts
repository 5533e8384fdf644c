import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  comparePaths,
  fromText,
  isBeneath,
  joinPath,
  splitPath,
  toFsPath,
  toText,
} from '../../src/disk/byte-path.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { entriesOf } from '../helpers/cli/incremental.ts';
import { makeRandomTree } from '../helpers/trees/random-tree.ts';
import { seeded } from '../helpers/seeded.ts';

describe('a path as bytes', () => {
  it('is passed to node:fs as a string if that has the same bytes, else as a Buffer', () => {
    expect(toFsPath('src/a b.ts')).toBe('src/a b.ts');
    expect(toFsPath('caf\xe9')).toEqual(Buffer.from([0x63, 0x61, 0x66, 0xe9]));
    expect(toFsPath('\x80')).toEqual(Buffer.from([0x80]));
  });

  it.each(['plain', 'café', '日本', '🚢'])('keeps the text "%s" in both directions', (text) => {
    const path = fromText(text);
    expect(path).toBe(Buffer.from(text).toString('latin1'));
    expect(Buffer.from(toFsPath(path)).toString()).toBe(text);
    expect(toText(path)).toBe(text);
  });

  it('sorts by its bytes, even where text would not', () => {
    const texts = ['\u{1f332}', '\uff5e'];
    expect(texts.toSorted()).toEqual(texts);
    expect(texts.map(fromText).toSorted()).toEqual(texts.toReversed().map(fromText));
  });

  it('joins a name to its directory, and to the root without a slash', () => {
    expect(joinPath('', 'a')).toBe('a');
    expect(joinPath('a/b', 'c')).toBe('a/b/c');
  });
});

const anyByte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
const name = fc.oneof(
  fc.constantFrom('a', 'ab', 'a!', 'a-', 'b', '\x01', '\xff'),
  fc.string({ unit: anyByte.filter((char) => char !== '/'), minLength: 1, maxLength: 4 }),
);
const anyPath = fc.array(name, { maxLength: 4 }).map((names) => names.join('/'));

describe('the order of paths', () => {
  it('compares their names one by one, and puts a directory before its children', () => {
    fc.assert(
      fc.property(anyPath, anyPath, (a, b) => {
        expect(Math.sign(comparePaths(a, b))).toBe(compareNames(namesOf(a), namesOf(b)));
        expect(Math.sign(comparePaths(b, a))).toBe(-compareNames(namesOf(a), namesOf(b)) + 0);
      }),
    );
  });

  it('is the same if the bytes that the paths share are skipped', () => {
    fc.assert(
      fc.property(anyPath, anyPath, anyPath, (start, a, b) => {
        expect(Math.sign(comparePaths(start + a, start + b, start.length))).toBe(
          Math.sign(comparePaths(start + a, start + b)),
        );
      }),
    );
  });

  it('is the order in which a context is walked', async () => {
    for (let seed = 0; seed < 20; seed++) {
      await withDirectory((root) => {
        makeRandomTree(root, seeded(seed));
        const walked = entriesOf(root).map((entry) => entry.path);
        expect(walked.toSorted(comparePaths)).toEqual(walked);
      });
    }
  });
});

describe('a path in a directory', () => {
  it.each([
    ['', '', ''],
    ['a', '', 'a'],
    ['a/b', 'a', 'b'],
    ['a/b/c\n', 'a/b', 'c\n'],
    ['/a', '', 'a'],
    ['a/', 'a', ''],
  ])('%j has the directory %j and the name %j', (whole, directory, last) => {
    expect(splitPath(whole)).toEqual([directory, last]);
  });

  it('is the same when it is split and joined again', () => {
    fc.assert(
      fc.property(anyPath, (each) => {
        expect(joinPath(...splitPath(each))).toBe(each);
      }),
    );
  });

  it.each<[path: string, directory: string, beneath: boolean]>([
    ['', '', false],
    ['a', '', true],
    ['a/b', '', true],
    ['a', 'a', false],
    ['a/b', 'a', true],
    ['a/b/c', 'a', true],
    ['ab', 'a', false],
    ['a!', 'a', false],
    ['a', 'a/b', false],
    ['', 'a', false],
    ['b/a', 'a', false],
  ])('%j is beneath %j: %s', (each, directory, beneath) => {
    expect(isBeneath(each, directory)).toBe(beneath);
  });

  it('is beneath each directory above it, and no other', () => {
    fc.assert(
      fc.property(anyPath, anyPath, (a, b) => {
        const parts = namesOf(a);
        const above = parts.length > 0 && parts.length < namesOf(b).length;
        const expected =
          parts.length === 0
            ? b !== ''
            : above && namesOf(b).slice(0, parts.length).join('/') === a;
        expect(isBeneath(b, a)).toBe(expected);
      }),
    );
  });
});

describe('a path as text for people', () => {
  it.each<[path: string, text: string]>([
    ['a\nb', 'a\\x0ab'],
    ['\x1b[31mred', '\\x1b[31mred'],
    ['tab\there\r', 'tab\\x09here\\x0d'],
    ['nul\0', 'nul\\x00'],
    ['del\x7f', 'del\\x7f'],
    ['c1\xc2\x9b2J', 'c1\\xc2\\x9b2J'],
    ['line\xe2\x80\xa8end\xe2\x80\xa9', 'line\\xe2\\x80\\xa8end\\xe2\\x80\\xa9'],
    ['quote\' " \\', 'quote\' " \\\\'],
  ])('escapes what could garble a terminal: %j', (path, text) => {
    expect(toText(path)).toBe(text);
  });

  it.each<[kind: string, path: string, text: string]>([
    ['latin1', 'caf\xe9.txt', 'caf\\xe9.txt'],
    ['no UTF-8 at all', '\xff\xfe', '\\xff\\xfe'],
    ['an overlong form', '\xc0\xaf', '\\xc0\\xaf'],
    ['a surrogate', '\xed\xa0\x80', '\\xed\\xa0\\x80'],
    ['beyond U+10FFFF', '\xf4\x90\x80\x80', '\\xf4\\x90\\x80\\x80'],
    ['a character that is cut', '\xe2\x82', '\\xe2\\x82'],
    ['a replacement character of its own', '\xef\xbf\xbd', '\uFFFD'],
    ['a byte order mark', '\xef\xbb\xbfa', '\uFEFFa'],
  ])('shows bytes that are not UTF-8 one by one: %s', (_kind, path, text) => {
    expect(toText(path)).toBe(text);
  });

  it('can be turned back into its bytes, whatever they are', () => {
    const path = fc.oneof(
      fc.string({ unit: anyByte }),
      fc.string({ unit: fc.constantFrom('\\', 'x', '1', 'b', '\x1b', '\xc2', '\x9b', '\n') }),
      fc.string({ unit: 'binary' }).map(fromText),
    );
    fc.assert(
      fc.property(path, (each) => {
        expect(toBytes(toText(each))).toBe(each);
      }),
    );
  });

  it('has no control character, whatever the bytes', () => {
    for (let byte = 0; byte < 256; byte++) {
      // oxlint-disable-next-line no-control-regex -- the test looks for control characters
      expect(toText(`x${String.fromCharCode(byte)}y`)).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
    }
  });
});

/** Undoes toText. */
function toBytes(text: string): string {
  return fromText(text).replace(/\\(?:\\|x([0-9a-f]{2}))/g, (_escape, hex?: string) =>
    hex === undefined ? '\\' : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function namesOf(each: string): string[] {
  return each === '' ? [] : each.split('/');
}

function compareNames(a: readonly string[], b: readonly string[]): number {
  for (const [at, one] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    if (one !== other)
      return Buffer.compare(Buffer.from(one, 'latin1'), Buffer.from(other, 'latin1'));
  }
  return a.length < b.length ? -1 : 0;
}
