import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ExistingTree } from '../../src/dest/ordered-lookup.ts';
import { comparePaths, isBeneath } from '../../src/disk/byte-path.ts';
import { Gauge } from '../../src/disk/worker-status.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withFolder } from '../helpers/trees/temporary-directory.ts';
import { allPaths, makeRandomTree } from '../helpers/trees/random-tree.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { seeded } from '../helpers/seeded.ts';
import { caughtFrom } from '../helpers/capture-error.ts';
import { hold, tryHold } from '../helpers/disk/held.ts';

const FILES = { 'a/b/c': '', 'a/d': '', 'a!': '', e: '', 'z/y': '' };

describe('an existing tree', () => {
  it('finds what is there and not what is not, in folders that were entered', async () => {
    await withFolder((root) => {
      writeTree(root, FILES);
      expect(search(root, ['a', 'a/b', 'a/b/c', 'a/b/d', 'a/x', 'a!', 'b', 'z', 'z/y'])).toEqual({
        found: ['a', 'a/b', 'a/b/c', 'a!', 'z', 'z/y'],
        passed: ['a/d', 'e'],
      });
    });
  });

  it('passes what nobody looked for, once and in order, and not what is in it', async () => {
    await withFolder((root) => {
      writeTree(root, { ...FILES, '\xff': '' });
      expect(search(root, [])).toEqual({ found: [], passed: ['a', 'a!', 'e', 'z', '\xc3\xbf'] });
      expect(search(root, ['a', 'e'])).toEqual({
        found: ['a', 'e'],
        passed: ['a/b', 'a/d', 'a!', 'z', '\xc3\xbf'],
      });
    });
  });

  it('passes nothing of a folder that was found and not entered', async () => {
    await withFolder((root) => {
      writeTree(root, FILES);
      const enter = (path: string): boolean => path !== 'a';
      expect(search(root, ['a', 'a/b', 'a/b/c', 'z'], enter)).toEqual({
        found: ['a', 'z'],
        passed: ['a!', 'e', 'z/y'],
      });
    });
  });

  it('finds some and passes the rest of any tree, each entry on one way only', async () => {
    for (let seed = 0; seed < 30; seed++) {
      await withFolder((root) => {
        const random = seeded(seed);
        makeRandomTree(root, random);
        const all = allPaths(root);
        const wanted = all.filter(() => random(3) > 0);
        const absent = ['0', 'a/0', 'b/b/0', 'zz'].filter(() => random(2) === 0);
        const asked = [...wanted, ...absent].toSorted(comparePaths);
        const { found, passed } = search(root, asked);
        const reached = (path: string): boolean =>
          all.every((each) => !isBeneath(path, each) || wanted.includes(each));
        const reachable = all.filter(reached).toSorted(comparePaths);
        expect(found).toEqual(reachable.filter((each) => wanted.includes(each)));
        expect(passed).toEqual(reachable.filter((each) => !wanted.includes(each)));
      });
    }
  });

  it('has nothing where its root is missing, a file, or a symlink to a folder', async () => {
    await withFolder((folder) => {
      writeTree(folder, { file: '', 'real/a': '' });
      symlinkSync('real', join(folder, 'link'));
      for (const name of ['missing', 'file', 'link', 'missing/deeper']) {
        expect(search(join(folder, name), ['a', 'a/b', 'x'])).toEqual({ found: [], passed: [] });
      }
    });
  });

  it('follows no symlink: it is found as one, and nothing in what it leads to', async () => {
    await withFolder((folder) => {
      writeTree(folder, { 'root/a': '', 'elsewhere/secret': '' });
      symlinkSync('../elsewhere', join(folder, 'root/link'));
      const tree = new ExistingTree(hold(join(folder, 'root')), new Gauge());
      const link = tree.find('link');
      expect(link?.stats.isSymbolicLink()).toBe(true);
      expect(tree.find('link/secret')).toBeUndefined();
      expect(() => tree.enter('link', link!)).toThrow(
        expect.objectContaining({ code: 'not-writable', path: 'link' }),
      );
      tree.close();
    });
  });

  it('goes on in a folder that it has entered, wherever its path leads by then', async () => {
    await withFolder((folder) => {
      writeTree(folder, { 'root/a/x': 'mine', 'elsewhere/x': 'another', 'elsewhere/y': '' });
      const root = join(folder, 'root');
      const passed: string[] = [];
      const tree = new ExistingTree(hold(root), new Gauge(), (path) => passed.push(path));
      tree.enter('a', tree.find('a')!);
      renameSync(join(root, 'a'), join(folder, 'aside'));
      symlinkSync('../elsewhere', join(root, 'a'));
      expect(tree.find('a/x')?.stats.size).toBe(4n);
      expect(tree.find('a/y')).toBeUndefined();
      tree.end();
      expect(passed).toEqual([]);
    });
  });

  it('finds nothing more in a folder that vanishes, and fails to enter one that is gone', async () => {
    await withFolder((root) => {
      writeTree(root, { 'a/x': '', 'b/x': '', c: '' });
      const tree = new ExistingTree(hold(root), new Gauge());
      tree.enter('a', tree.find('a')!);
      rmSync(join(root, 'a'), { recursive: true });
      expect(tree.find('a/x')).toBeUndefined();
      const b = tree.find('b')!;
      rmSync(join(root, 'b'), { recursive: true });
      expect(() => tree.enter('b', b)).toThrow(
        expect.objectContaining({
          code: 'not-writable',
          path: 'b',
          message: 'cannot list the folder b: no such file or directory (ENOENT)',
        }),
      );
      expect(tree.find('c')).toBeDefined();
      tree.close();
    });
  });

  it('enters no folder that it may not list', async () => {
    await withFolder((folder) => {
      const root = join(folder, 'root');
      mkdirSync(join(root, 'a/closed'), { recursive: true });
      asNobody(folder, () => {
        chmodSync(join(root, 'a/closed'), 0o300);
        const tree = new ExistingTree(hold(root), new Gauge());
        expect(tree.enter('a', tree.find('a')!)).toBe(true);
        expect(tree.enter('a/closed', tree.find('a/closed')!)).toBe(false);
        expect(tree.find('a/closed/x')).toBeUndefined();
        tree.close();
        chmodSync(root, 0o300);
        expect(caughtFrom(() => hold(root))).toMatchObject({ code: 'EACCES' });
      });
    });
  });

  it('leaves no folder open, at its end and when it is given up', async () => {
    await withFolder((root) => {
      writeTree(root, FILES);
      const before = openFiles();
      search(root, ['a', 'a/b', 'z']);
      expect(openFiles()).toBe(before);
      const tree = new ExistingTree(hold(root), new Gauge());
      tree.enter('a', tree.find('a')!);
      tree.close();
      expect(openFiles()).toBe(before);
      expect(tree.find('a/b')).toBeUndefined();
    });
  });
});

/** Looks for these paths in this order, and enters the folders among them. */
function search(
  root: string,
  paths: readonly string[],
  enter = (_path: string): boolean => true,
): { found: string[]; passed: string[] } {
  const found: string[] = [];
  const passed: string[] = [];
  const tree = new ExistingTree(tryHold(root), new Gauge(), (path) => passed.push(path));
  try {
    for (const path of paths) {
      const there = tree.find(path);
      if (there === undefined) continue;
      found.push(path);
      if (there.stats.isDirectory() && enter(path)) tree.enter(path, there);
    }
    tree.end();
  } finally {
    tree.close();
  }
  return { found, passed };
}

/** How many files this process has open, where that can be told. */
function openFiles(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}
