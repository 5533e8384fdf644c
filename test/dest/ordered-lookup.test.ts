import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OrderedLookup } from '../../src/dest/ordered-lookup.ts';
import { comparePaths, isBeneath } from '../../src/disk/byte-path.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { allPaths, makeRandomTree } from '../helpers/trees/random-tree.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { seeded } from '../helpers/seeded.ts';
import { caughtFrom } from '../helpers/capture-error.ts';
import { hold, tryHold } from '../helpers/disk/held.ts';

const FILES = { 'a/b/c': '', 'a/d': '', 'a!': '', e: '', 'z/y': '' };

describe('a lookup in an existing tree', () => {
  it('finds what exists, and nothing else, in directories that were entered', async () => {
    await withDirectory((root) => {
      writeTree(root, FILES);
      expect(search(root, ['a', 'a/b', 'a/b/c', 'a/b/d', 'a/x', 'a!', 'b', 'z', 'z/y'])).toEqual({
        found: ['a', 'a/b', 'a/b/c', 'a!', 'z', 'z/y'],
        passed: ['a/d', 'e'],
      });
    });
  });

  it('reports what nobody looked for as passed, once and in order, without its children', async () => {
    await withDirectory((root) => {
      writeTree(root, { ...FILES, '\xff': '' });
      expect(search(root, [])).toEqual({ found: [], passed: ['a', 'a!', 'e', 'z', '\xc3\xbf'] });
      expect(search(root, ['a', 'e'])).toEqual({
        found: ['a', 'e'],
        passed: ['a/b', 'a/d', 'a!', 'z', '\xc3\xbf'],
      });
    });
  });

  it('reports nothing in a directory that was found but not entered', async () => {
    await withDirectory((root) => {
      writeTree(root, FILES);
      const enter = (path: string): boolean => path !== 'a';
      expect(search(root, ['a', 'a/b', 'a/b/c', 'z'], enter)).toEqual({
        found: ['a', 'z'],
        passed: ['a!', 'e', 'z/y'],
      });
    });
  });

  it('either finds or reports each reachable entry of any tree, never both', async () => {
    for (let seed = 0; seed < 30; seed++) {
      await withDirectory((root) => {
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

  it('finds nothing if its root is missing, a file, or a symlink to a directory', async () => {
    await withDirectory((directory) => {
      writeTree(directory, { file: '', 'real/a': '' });
      symlinkSync('real', join(directory, 'link'));
      for (const name of ['missing', 'file', 'link', 'missing/deeper']) {
        expect(search(join(directory, name), ['a', 'a/b', 'x'])).toEqual({ found: [], passed: [] });
      }
    });
  });

  it('finds a symlink itself, and nothing in its target', async () => {
    await withDirectory((directory) => {
      writeTree(directory, { 'root/a': '', 'elsewhere/secret': '' });
      symlinkSync('../elsewhere', join(directory, 'root/link'));
      const tree = new OrderedLookup(hold(join(directory, 'root')), new WorkerStatus());
      const link = tree.find('link');
      expect(link?.stats.isSymbolicLink()).toBe(true);
      expect(tree.find('link/secret')).toBeUndefined();
      expect(() => tree.enter('link', link!)).toThrow(
        expect.objectContaining({ code: 'not-writable', path: 'link' }),
      );
      tree.close();
    });
  });

  it('continues in a directory that it has entered, even if its path leads elsewhere by then', async () => {
    await withDirectory((directory) => {
      writeTree(directory, { 'root/a/x': 'mine', 'elsewhere/x': 'another', 'elsewhere/y': '' });
      const root = join(directory, 'root');
      const passed: string[] = [];
      const tree = new OrderedLookup(hold(root), new WorkerStatus(), {
        onPassed: (path) => passed.push(path),
      });
      tree.enter('a', tree.find('a')!);
      renameSync(join(root, 'a'), join(directory, 'aside'));
      symlinkSync('../elsewhere', join(root, 'a'));
      expect(tree.find('a/x')?.stats.size).toBe(4n);
      expect(tree.find('a/y')).toBeUndefined();
      tree.end();
      expect(passed).toEqual([]);
    });
  });

  it('finds nothing more in a directory that vanishes, and fails to enter one that is gone', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/x': '', 'b/x': '', c: '' });
      const tree = new OrderedLookup(hold(root), new WorkerStatus());
      tree.enter('a', tree.find('a')!);
      rmSync(join(root, 'a'), { recursive: true });
      expect(tree.find('a/x')).toBeUndefined();
      const b = tree.find('b')!;
      rmSync(join(root, 'b'), { recursive: true });
      expect(() => tree.enter('b', b)).toThrow(
        expect.objectContaining({
          code: 'not-writable',
          path: 'b',
          message: 'cannot list the directory b: no such file or directory (ENOENT)',
        }),
      );
      expect(tree.find('c')).toBeDefined();
      tree.close();
    });
  });

  it('enters no directory that it may not list', async () => {
    await withDirectory((directory) => {
      const root = join(directory, 'root');
      mkdirSync(join(root, 'a/closed'), { recursive: true });
      asNobody(directory, () => {
        chmodSync(join(root, 'a/closed'), 0o300);
        const tree = new OrderedLookup(hold(root), new WorkerStatus());
        expect(tree.enter('a', tree.find('a')!)).toBe(true);
        expect(tree.enter('a/closed', tree.find('a/closed')!)).toBe(false);
        expect(tree.find('a/closed/x')).toBeUndefined();
        tree.close();
        chmodSync(root, 0o300);
        expect(caughtFrom(() => hold(root))).toMatchObject({ code: 'EACCES' });
      });
    });
  });

  it('closes all directories at its end, and when it is abandoned', async () => {
    await withDirectory((root) => {
      writeTree(root, FILES);
      const before = openFiles();
      search(root, ['a', 'a/b', 'z']);
      expect(openFiles()).toBe(before);
      const tree = new OrderedLookup(hold(root), new WorkerStatus());
      tree.enter('a', tree.find('a')!);
      tree.close();
      expect(openFiles()).toBe(before);
      expect(tree.find('a/b')).toBeUndefined();
    });
  });
});

/** Looks for these paths in this order, and enters the directories among them. */
function search(
  root: string,
  paths: readonly string[],
  enter = (_path: string): boolean => true,
): { found: string[]; passed: string[] } {
  const found: string[] = [];
  const passed: string[] = [];
  const tree = new OrderedLookup(tryHold(root), new WorkerStatus(), {
    onPassed: (path) => passed.push(path),
  });
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

/** The number of files that this process has open; 0 where it is unknown. */
function openFiles(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}
