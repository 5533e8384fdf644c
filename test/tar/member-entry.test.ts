import { describe, expect, test } from 'vitest';
import { lossesOf, toEntry } from '../../src/tar/member-entry.ts';
import type { TarMember } from '../../src/tar/tar-reader.ts';

function aMember(fields: Partial<TarMember> = {}): TarMember {
  return {
    path: 'a',
    type: '0',
    link: '',
    mode: 0o644,
    mtimeUs: 5,
    size: 0,
    hasAttributes: false,
    ...fields,
  };
}

test.each([
  ['0', 'file'],
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['5', 'directory'],
])('a member of type %s is a %s', (type, kind) => {
  expect(toEntry(aMember({ type, link: 'b' }))).toMatchObject({ path: 'a', kind, mtimeUs: 5 });
});

test.each([
  ['3', 'a device'],
  ['4', 'a device'],
  ['6', 'a FIFO'],
  ['A', 'an ACL of Solaris'],
  ['E', 'an extended attribute of Solaris'],
  ['V', 'a volume label'],
])('a member of type %j is skipped', (type, skipped) => {
  expect(toEntry(aMember({ type }))).toEqual({ skipped });
});

test.each(['8', 'Q', 'z', '\x01'])(
  'a member of unknown type %j becomes a file, which is reported',
  (type) => {
    const member = aMember({ type, size: 9 });
    expect(toEntry(member)).toMatchObject({ path: 'a', kind: 'file', size: 9 });
    const reason = `tar type ${JSON.stringify(type)} is unknown: taken for a file`;
    expect(lossesOf(member)).toEqual([reason]);
  },
);

test('what a member loses is reported: setuid of files and directories, attributes of all', () => {
  const setuid = ['setuid and setgid are dropped'];
  expect(lossesOf(aMember({ mode: 0o4755 }))).toEqual(setuid);
  expect(lossesOf(aMember({ mode: 0o2755, type: '5' }))).toEqual(setuid);
  expect(lossesOf(aMember({ mode: 0o7777, type: '2' }))).toEqual([]);
  const attributes = ['extended attributes and ACLs are dropped'];
  expect(lossesOf(aMember({ hasAttributes: true, type: '2' }))).toEqual(attributes);
});

test('permission bits and sticky are kept; setuid, setgid and higher bits are not', () => {
  expect(toEntry(aMember({ mode: 0o107_777 }))).toMatchObject({ mode: 0o1777 });
});

test('only a file has a size', () => {
  expect(toEntry(aMember({ size: 9 }))).toMatchObject({ size: 9 });
  for (const type of ['1', '2', '5']) {
    expect(toEntry(aMember({ type, size: 9, link: 'b' }))).toMatchObject({ size: 0 });
  }
});

test('a file whose name ends with a slash is a directory', () => {
  expect(toEntry(aMember({ path: 'a/b/' }))).toMatchObject({ path: 'a/b', kind: 'directory' });
});

test('only links have a link target', () => {
  expect(toEntry(aMember({ link: 'b' }))).not.toHaveProperty('link');
  expect(toEntry(aMember({ type: '5', link: 'b' }))).not.toHaveProperty('link');
});

describe('paths', () => {
  test.each([
    ['./', ''],
    ['.', ''],
    ['', ''],
    ['././', ''],
    ['./a', 'a'],
    ['a/', 'a'],
    ['a//b', 'a/b'],
    ['a/./b/.', 'a/b'],
    ['.a/b./..c', '.a/b./..c'],
  ])('%j becomes %j', (path, expected) => {
    expect(toEntry(aMember({ path, type: '5' }))).toMatchObject({ path: expected });
    expect(toEntry(aMember({ type: '1', link: path }))).toMatchObject({ link: expected });
  });

  test.each([
    ['/', '/'],
    ['/a', '/a'],
    ['//a/./b', '/a/b'],
    ['..', '..'],
    ['a/../b', 'a/../b'],
    ['./../a', '../a'],
    ['a/..', 'a/..'],
  ])('an invalid path %j is left for the validator to refuse: %j', (path, expected) => {
    expect(toEntry(aMember({ path, type: '5' }))).toMatchObject({ path: expected });
  });

  test("a symlink's text is kept byte for byte", () => {
    for (const link of ['./a//b/', '/etc/passwd', '../..', '.', '\xff\n']) {
      expect(toEntry(aMember({ type: '2', link }))).toMatchObject({ link });
    }
  });
});
