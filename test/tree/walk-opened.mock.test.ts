import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { SourceEntry } from '../../src/entry/entry.ts';
import { walk } from '../../src/tree/walk.ts';
import { walkOptions } from '../helpers/cli/incremental.ts';
import { makeExoticTree } from '../helpers/trees/exotic-tree.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';

vi.mock('node:fs', { spy: true });

afterEach(() => {
  vi.restoreAllMocks();
  // Resets the spies of vi.mock to the functions that they wrap.
  vi.resetAllMocks();
});

function opened(root: string, rules = ''): Generator<SourceEntry> {
  return walk(root, { ...walkOptions(rules), opensFiles: true });
}

/** The entries, without what is valid only during the walk. */
function kept(entries: Iterable<SourceEntry>): unknown[] {
  return Array.from(entries, (entry) => {
    const { dev, ino, size, mtimeNs, birthtimeNs } = entry.identity;
    const identity = { dev, ino, size, mtimeNs, birthtimeNs };
    return { ...entry, fd: undefined, fsPath: undefined, identity };
  });
}

function isOpen(fd: number): boolean {
  try {
    fs.fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

describe('a walk that opens files', () => {
  test('yields what one yields that does not, for entries of all kinds', () =>
    withDirectory((root) => {
      makeExoticTree(root);
      const entries = kept(opened(root, '**/*.log\n!keep.log\n'));
      expect(entries).toEqual(kept(walk(root, walkOptions('**/*.log\n!keep.log\n'))));
      expect(entries.length).toBeGreaterThan(20);
    }));

  test('holds the file of the entry at hand open, and closes it when it continues', () =>
    withDirectory((root) => {
      writeTree(root, { a: 'first', 'b/c': 'second', d: 'third' });
      const contents: string[] = [];
      let last: number | undefined;
      for (const { kind, fd } of opened(root)) {
        if (last !== undefined && last !== fd) expect(isOpen(last)).toBe(false);
        expect(fd !== undefined).toBe(kind === 'file');
        if (fd !== undefined) contents.push(fs.readFileSync(fd, 'utf8'));
        last = fd;
      }
      expect(contents).toEqual(['first', 'second', 'third']);
      expect(isOpen(last!)).toBe(false);
    }));

  test('follows no symlink that has taken the place of a file', () =>
    withDirectory((directory) => {
      const root = join(directory, 'in');
      writeTree(directory, { 'in/a': 'x', 'in/b': 'y', outside: 'secret' });
      const found: unknown[] = [];
      for (const { path, kind, fd } of opened(root)) {
        found.push([path, kind, fd !== undefined]);
        if (path !== 'a') continue;
        fs.unlinkSync(join(root, 'b'));
        fs.symlinkSync('../outside', join(root, 'b'));
      }
      expect(found.slice(1)).toEqual([
        ['a', 'file', true],
        ['b', 'symlink', false],
      ]);
    }));

  test('closes the file at hand when it is abandoned', () =>
    withDirectory((root) => {
      writeTree(root, { a: 'x', b: 'y' });
      let fd: number | undefined;
      for (const entry of opened(root)) {
        ({ fd } = entry);
        if (fd !== undefined) break;
      }
      expect(isOpen(fd!)).toBe(false);
    }));

  test('opens a file with several names once', () =>
    withDirectory((root) => {
      writeTree(root, { a: 'x' });
      fs.linkSync(join(root, 'a'), join(root, 'b'));
      const entries = Array.from(opened(root), ({ kind, fd }) => [kind, fd !== undefined]);
      expect(entries).toEqual([
        ['directory', false],
        ['file', true],
        ['hardlink', false],
      ]);
    }));

  test('looks at nothing by its path but directories and links', () =>
    withDirectory((root) => {
      writeTree(root, { a: 'x', 'b/c': 'y' });
      fs.symlinkSync('a', join(root, 'link'));
      vi.mocked(fs.lstatSync).mockClear();
      for (const entry of opened(root)) void entry;
      const looked = vi.mocked(fs.lstatSync).mock.calls.map(([path]) => String(path));
      expect(looked.some((path) => path.endsWith('/a') || path.endsWith('/c'))).toBe(false);
    }));

  test('opens none where the file system has no kinds in its directories', () =>
    withDirectory(async (root) => {
      writeTree(root, { a: 'x', 'b/c': 'y' });
      const { readdirSync } = await vi.importActual<typeof fs>('node:fs');
      vi.mocked(fs.readdirSync).mockImplementation(((path: string, options: never) => {
        if (typeof options === 'object' && 'withFileTypes' in options)
          throw Object.assign(new Error('?'), { code: 'ENOENT' });
        return readdirSync(path, options);
      }) as typeof fs.readdirSync);
      const entries = Array.from(opened(root), ({ path, fd }) => [path, fd]);
      expect(entries).toEqual(['', 'a', 'b', 'b/c'].map((path) => [path, undefined]));
    }));

  test('leaves a file that cannot be opened to whoever reads it', () =>
    withDirectory(async (root) => {
      writeTree(root, { a: 'x' });
      const { openSync } = await vi.importActual<typeof fs>('node:fs');
      vi.mocked(fs.openSync).mockImplementation(((path: string, ...rest: [number]) => {
        if (path.endsWith('/a')) throw Object.assign(new Error('?'), { code: 'EACCES' });
        return openSync(path, ...rest);
      }) as typeof fs.openSync);
      const entries = Array.from(opened(root), ({ path, fd }) => [path, fd]);
      expect(entries).toEqual(['', 'a'].map((path) => [path, undefined]));
    }));
});
