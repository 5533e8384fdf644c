import { describe, expect, test } from 'vitest';
import { Budget } from '../../src/entry/budget.ts';
import { EntryValidator } from '../../src/entry/entry-validator.ts';
import type { Entry, EntryKind } from '../../src/entry/entry.ts';
import { MAX_DEPTH, MAX_LINK_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES } from '../../src/limits.ts';
import { anEntry } from '../helpers/trees/archive-io.ts';
import { TYPE_CHANGES } from '../helpers/trees/type-changes.ts';

function createValidator(limits = { maxEntries: 10_000, maxBytes: 1_000 }): EntryValidator {
  return new EntryValidator(Budget.create(limits));
}

const file = (path: string, size = 0) => anEntry({ path, size });
const directory = (path: string) => anEntry({ path, kind: 'directory' });
const symlink = (path: string, link: string) => anEntry({ path, kind: 'symlink', link });
const hardlink = (path: string, link: string) => anEntry({ path, kind: 'hardlink', link });
const kindOf = (kind: EntryKind, path: string): Entry => anEntry({ path, kind, link: 'target' });

/** Expects that the last of the entries is refused, for this reason. */
function expectUnsafe(entries: Entry[], why: RegExp): void {
  const validator = createValidator();
  for (const entry of entries.slice(0, -1)) validator.check(entry);
  const last = entries.at(-1)!;
  expect(() => validator.check(last)).toThrow(
    expect.objectContaining({
      code: 'unsafe-entry',
      message: expect.stringMatching(why) as string,
    }),
  );
}

test('a context with all kinds of entries is accepted', () => {
  const validator = createValidator();
  const entries = [
    directory(''),
    file('a', 5),
    directory('b'),
    directory('b/c'),
    file('b/c/d'),
    symlink('b/e', '../../anywhere'),
    symlink('b/f', '/etc/passwd'),
    hardlink('b/g', 'a'),
    hardlink('h', 'b/g'),
    file('...'),
    file('..a'),
    file('\xff\n\\'),
  ];
  for (const entry of entries) expect(validator.check(entry)).toBe(false);
});

describe('paths', () => {
  test.each(['/', '/a', '//a', '/../a'])('%j is refused as absolute', (path) => {
    expectUnsafe([directory(path)], /it is an absolute path/);
  });

  test.each(['..', '../a', 'a/..', 'a/../b', 'a/../../b'])('%j is refused for its ".."', (path) => {
    expectUnsafe([directory('a'), directory(path)], /its path contains "\.\."/);
  });

  test.each(['.', './a', 'a/.', 'a/./b', 'a//b', 'a/'])(
    '%j is refused for an empty name',
    (path) => {
      expectUnsafe([directory('a'), directory(path)], /its path contains an empty name/);
    },
  );

  test.each(['\0', 'a\0', 'a\0/../b'])('%j is refused for a NUL byte', (path) => {
    expectUnsafe([file(path)], /its path contains a NUL byte/);
  });

  test('a name has at most MAX_NAME_BYTES', () => {
    createValidator().check(file('n'.repeat(MAX_NAME_BYTES)));
    expectUnsafe([file('n'.repeat(MAX_NAME_BYTES + 1))], /one of its names has 256 bytes/);
  });

  test('a path has at most MAX_PATH_BYTES', () => {
    const path = (length: number) => {
      const names = Array.from({ length: Math.ceil(length / 150) }, () => 'n'.repeat(150));
      return names.join('/').slice(0, length);
    };
    const directories = (last: string) => {
      const names = last.split('/');
      return names.map((_, index) => directory(names.slice(0, index + 1).join('/')));
    };
    const validator = createValidator();
    for (const entry of directories(path(MAX_PATH_BYTES))) validator.check(entry);
    expect(path(MAX_PATH_BYTES)).toHaveLength(MAX_PATH_BYTES);
    expectUnsafe(directories(path(MAX_PATH_BYTES + 1)), /its path has 3801 bytes/);
  });

  test('an entry is at most MAX_DEPTH directories deep', () => {
    const at = (depth: number) => directory(Array.from({ length: depth }, () => 'd').join('/'));
    const validator = createValidator();
    for (let depth = 1; depth <= MAX_DEPTH; depth++) validator.check(at(depth));
    expect(() => validator.check(at(MAX_DEPTH + 1))).toThrow(/lies deeper than 1024 directories/);
  });

  test.each(['.ctxsync-lock', '.ctxsync-0123456789abcdef', '.ctxsync-0123456789abcdef/a'])(
    "%j is refused as a receiver's work name",
    (path) => {
      expectUnsafe([directory(path)], /it has a receiver's own work name/);
    },
  );

  test('a work name is refused at every depth', () => {
    const message = /it has a receiver's own work name/;
    expectUnsafe([directory('a'), directory('a/.ctxsync-lock')], message);
    expectUnsafe([directory('a'), directory('a/b'), file('a/b/.CTXSYNC-x')], message);
  });

  test('a name that only resembles a work name is accepted', () => {
    const validator = createValidator();
    const others = ['.ctxsync', 'x.ctxsync-lock', 'ctxsync-0', '.ctxsyncs-lock'];
    for (const path of others) validator.check(directory(path));
  });
});

describe('directories', () => {
  test.each<EntryKind>(['file', 'directory', 'symlink'])(
    'a %s must come after its directory',
    (kind) => {
      expectUnsafe([kindOf(kind, 'a/b')], /its parent a is not a directory of this context/);
      expectUnsafe([directory('a'), kindOf(kind, 'a/b/c')], /its parent a\/b is not a directory/);
    },
  );

  test.each([file('a'), symlink('a', '.'), hardlink('a', 'target')])(
    'a $kind cannot have entries beneath it',
    (above) => {
      expectUnsafe([file('target'), above, file('a/b')], /its parent a is not a directory/);
    },
  );

  test('the root must be a directory', () => {
    for (const kind of ['file', 'symlink', 'hardlink'] as const) {
      expectUnsafe([kindOf(kind, '')], new RegExp(`refused \\./: the root is a ${kind}`));
    }
  });

  test('hasDirectory() returns whether a directory came', () => {
    const validator = createValidator();
    expect([validator.hasDirectory(''), validator.hasDirectory('a')]).toEqual([true, false]);
    validator.check(directory(''));
    validator.check(directory('a'));
    validator.check(file('b'));
    expect([validator.hasDirectory('a'), validator.hasDirectory('b')]).toEqual([true, false]);
  });
});

describe('a path that comes twice', () => {
  const again = (first: Entry, second: Entry) => {
    const validator = createValidator();
    validator.check(file('target'));
    validator.check(first);
    return validator.check(second);
  };

  test.each<EntryKind>(['file', 'directory', 'symlink', 'hardlink'])(
    'as the same kind is reported: %s',
    (kind) => {
      expect(again(kindOf(kind, 'a'), kindOf(kind, 'a'))).toBe(true);
    },
  );

  test('may be a file and a hardlink', () => {
    expect(again(file('a'), hardlink('a', 'target'))).toBe(true);
    expect(again(hardlink('a', 'target'), file('a'))).toBe(true);
  });

  test('may be the root', () => {
    expect(again(directory(''), directory(''))).toBe(true);
  });

  test.each(TYPE_CHANGES)('as a %s and then a %s is refused', (first, second) => {
    const entries = [file('target'), kindOf(first, 'a'), kindOf(second, 'a')];
    expectUnsafe(entries, /it comes twice, as a/);
  });
});

describe('links', () => {
  test.each<EntryKind>(['symlink', 'hardlink'])(
    'a %s with an impossible target is refused',
    (kind) => {
      const to = (link: string) => [anEntry({ kind, link })];
      expectUnsafe([anEntry({ kind })], /it links to nothing/);
      expectUnsafe(to(''), /it links to nothing/);
      expectUnsafe(to('a\0b'), /its link has a NUL byte/);
      expectUnsafe(to('l'.repeat(MAX_LINK_BYTES + 1)), /its link has 4096 bytes/);
    },
  );

  test('a symlink may have any text of up to MAX_LINK_BYTES', () => {
    createValidator().check(symlink('a', 'l'.repeat(MAX_LINK_BYTES)));
  });

  test('a hardlink may be another name of a symlink, and then counts as a symlink', () => {
    const twins = [symlink('a', 'text'), hardlink('b', 'a'), hardlink('c', 'b')];
    expectUnsafe([...twins, file('c/x')], /its parent c is not a directory/);
    expectUnsafe([...twins, file('c')], /it comes twice, as a symlink and as a file/);
  });

  test.each([
    ['outside', '../a'],
    ['nowhere', 'nowhere'],
    ['in a directory that is none', 'file/b'],
    ['in a directory that did not come', 'later/b'],
    ['the root', '.'],
    ['a directory', 'directory'],
    ['through a symlink', 'symlink/file'],
  ])('a hardlink to what is %s is refused', (_, link) => {
    const before = [file('file'), directory('directory'), symlink('symlink', '.')];
    expectUnsafe(
      [...before, hardlink('a', link)],
      /is neither a file nor a symlink of this context/,
    );
  });

  test('a hardlink to itself or to an absolute path is refused', () => {
    expectUnsafe([file('a'), hardlink('a', 'a')], /hardlink to itself/);
    expectUnsafe([file('b'), hardlink('a', '/b')], /hardlink to an absolute path/);
  });
});

test('entries and bytes are limited; the root and repeated entries count, too', () => {
  const overLimit = expect.objectContaining({ code: 'over-limit' });
  const entries = createValidator({ maxEntries: 2, maxBytes: 100 });
  entries.check(directory(''));
  entries.check(file('a'));
  expect(() => entries.check(file('a'))).toThrow(overLimit);
  const bytes = createValidator({ maxEntries: 10, maxBytes: 100 });
  bytes.check(file('a', 60));
  expect(() => bytes.check(file('a', 60))).toThrow(overLimit);
});
