import type { BigIntStats } from 'node:fs';
import { expect, test } from 'vitest';
import { HardlinkGroups } from '../../src/tree/hardlink-groups.ts';

/** The fields of a file's stats that distinguish it from others. */
function statsOf(inode: number, nlink: number, mtimeNs = 1n): BigIntStats {
  const file = { dev: 1n, ino: BigInt(inode), nlink: BigInt(nlink), size: 5n };
  return { ...file, birthtimeNs: 1n, mtimeNs, isFile: () => true } as unknown as BigIntStats;
}

test('a group is forgotten with its last name, and its bytes are free for another', () => {
  const groups = new HardlinkGroups(500);
  for (let inode = 1; inode <= 100; inode++) {
    expect(groups.firstName(statsOf(inode, 2), `a${inode}`)).toBeUndefined();
    expect(groups.firstName(statsOf(inode, 2), `b${inode}`)).toBe(`a${inode}`);
  }
});

test('files whose other names do not come are remembered up to the bound, in bytes', () => {
  const groups = new HardlinkGroups(10_000);
  let remembered = 0;
  const remember = (): void => {
    while (remembered < 1_000) groups.firstName(statsOf(++remembered, 2), 'x'.repeat(1_000));
  };
  expect(remember).toThrow(
    expect.objectContaining({
      code: 'over-limit',
      message: expect.stringMatching(
        /^6 files with hardlinks outside of what was walked are too many/,
      ) as string,
    }),
  );
});

test('a file that was modified between two of its names counts as a changed source', () => {
  const groups = new HardlinkGroups();
  groups.firstName(statsOf(1, 2), 'a');
  expect(() => groups.firstName(statsOf(1, 2, 2n), 'b')).toThrow(
    expect.objectContaining({ code: 'source-changed' }),
  );
});
