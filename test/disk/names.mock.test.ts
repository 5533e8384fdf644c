import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { hasName, PackedNames } from '../../src/disk/names.ts';
import { OpenDirectory } from '../../src/disk/open-directory.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';

const UNSORTED = ['b', 'a', 'ab', 'B', 'a!', 'a-', 'x'.repeat(255), '\xc3\xa9', '\xff', '\xf0\x9f'];

function packed(names: readonly string[]): PackedNames {
  const all = new PackedNames();
  for (const name of names) all.add(name);
  all.sort();
  return all;
}

test('packed names are those that were added, sorted by their bytes', () => {
  const names = packed(UNSORTED);
  expect([...names]).toEqual(UNSORTED.toSorted());
  expect(names).toHaveLength(UNSORTED.length);
  expect(names.at(0)).toBe('B');
  expect(names.at(UNSORTED.length)).toBeUndefined();
  expect([...packed([])]).toEqual([]);
});

test('packed names may be so many that their memory grows several times', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => `${(i * 7_919) % 20_000}-name`);
  expect([...packed(many)]).toEqual(many.toSorted());
});

test.each([
  ['an array', UNSORTED.toSorted()],
  ['packed', packed(UNSORTED)],
])('each name is found among them, and no other, in %s', (_, names) => {
  for (const name of UNSORTED) expect(hasName(names, name)).toBe(true);
  for (const other of ['', 'A', 'a!!', 'c', '\xfe', '\xff\xff']) {
    expect(hasName(names, other)).toBe(false);
  }
});

test('a large directory is listed in packed form, with the same names', async () => {
  vi.resetModules();
  vi.doMock('../../src/limits.ts', async (original) => ({
    ...(await original<object>()),
    LARGE_DIRECTORY_BYTES: 0,
    LIST_BATCH: 4,
  }));
  const { OpenDirectory: Packing } = await import('../../src/disk/open-directory.ts');
  await withDirectory((root) => {
    for (const name of UNSORTED) writeFileSync(Buffer.from(`${root}/${name}`, 'latin1'), '');
    mkdirSync(join(root, 'directory'));
    const [one, other] = [new OpenDirectory(root), new Packing(root)];
    const onBatch = vi.fn<() => void>();
    const names = other.names(onBatch);
    expect(names).not.toBeInstanceOf(Array);
    expect([...names]).toEqual([...one.names()]);
    expect(onBatch).toHaveBeenCalledTimes(2);
    one.close();
    other.close();
  });
});
