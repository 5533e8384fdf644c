import { describe, expect, test } from 'vitest';
import { toEntry } from '../../src/archive/member-entry.ts';
import type { TarMember } from '../../src/archive/tar-reader.ts';

function aMember(fields: Partial<TarMember> = {}): TarMember {
  return { path: 'a', type: '0', link: '', mode: 0o644, mtimeUs: 5, size: 0, ...fields };
}

test.each([
  ['0', 'file'],
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['5', 'folder'],
])('type %s is a %s', (type, kind) => {
  expect(toEntry(aMember({ type, link: 'b' }))).toMatchObject({ path: 'a', kind, mtimeUs: 5 });
});

test.each([
  ['3', 'a device'],
  ['4', 'a device'],
  ['6', 'a FIFO'],
  ['V', 'a volume label'],
  ['D', 'of unknown tar type "D"'],
  ['\x01', 'of unknown tar type "\\u0001"'],
])('type %j does not travel', (type, skipped) => {
  expect(toEntry(aMember({ type }))).toEqual({ skipped });
});

test('permission bits and sticky are kept; setuid, setgid and what is above are not', () => {
  expect(toEntry(aMember({ mode: 0o107_777 }))).toMatchObject({ mode: 0o1777 });
});

test('only a file has a size', () => {
  expect(toEntry(aMember({ size: 9 }))).toMatchObject({ size: 9 });
  for (const type of ['1', '2', '5']) {
    expect(toEntry(aMember({ type, size: 9, link: 'b' }))).toMatchObject({ size: 0 });
  }
});

test('a file whose name ends with a slash is a folder', () => {
  expect(toEntry(aMember({ path: 'a/b/' }))).toMatchObject({ path: 'a/b', kind: 'folder' });
});

test('only links have a link', () => {
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
  ])('%j is %j', (path, expected) => {
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
  ])('what is wrong with %j is still there for the validator: %j', (path, expected) => {
    expect(toEntry(aMember({ path, type: '5' }))).toMatchObject({ path: expected });
  });

  test("a symlink's text is kept byte for byte", () => {
    for (const link of ['./a//b/', '/etc/passwd', '../..', '.', '\xff\n']) {
      expect(toEntry(aMember({ type: '2', link }))).toMatchObject({ link });
    }
  });
});
