import { expect, test } from 'vitest';
import { PathTable } from '../../src/disk/path-table.ts';
import { MAX_TABLE_BYTES_PER_ENTRY } from '../../src/limits.ts';

test('a path has the value that was set last, and a set returns the one before', () => {
  const table = new PathTable();
  expect(table.get('a')).toBe(0);
  expect(table.set('a', 3)).toBe(0);
  expect(table.set('a', 1)).toBe(3);
  expect(table.get('a')).toBe(1);
});

test('paths that differ in their directories or in the position of a slash are different', () => {
  const table = new PathTable();
  const paths = ['a', 'a/a', 'a/a/a', 'aa', 'aa/a', 'a/aa', 'b/a', '', 'a\0', '\xff', 'a/\xff'];
  for (const path of paths) expect(table.set(path, 1)).toBe(0);
  for (const path of paths) expect(table.get(path)).toBe(1);
  for (const path of ['b', 'a/b', 'b/b', 'aaa', 'a/a/b']) expect(table.get(path)).toBe(0);
});

test('a lookup uses the directory of its own path, whatever was looked up before', () => {
  const table = new PathTable();
  table.set('a/x', 1);
  table.set('b/x', 2);
  expect([table.get('a/x'), table.get('x'), table.get('b/x'), table.get('a/b/x')]).toEqual([
    1, 0, 2, 0,
  ]);
});

test('each of many paths takes the same few bytes, however long it is', () => {
  const table = new PathTable();
  const deep = `${'d'.repeat(250)}/`.repeat(14);
  const count = 100_000;
  for (let at = 0; at < count; at++) expect(table.set(`${deep}${at}`, (at % 3) + 1)).toBe(0);
  let wrong = 0;
  for (let at = 0; at < count; at++) if (table.get(`${deep}${at}`) !== (at % 3) + 1) wrong += 1;
  expect(wrong).toBe(0);
  expect(table.bytes).toBeLessThan(count * MAX_TABLE_BYTES_PER_ENTRY);
});
