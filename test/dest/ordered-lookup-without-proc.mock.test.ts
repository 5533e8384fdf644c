import { renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { OrderedLookup } from '../../src/dest/ordered-lookup.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { hold } from '../helpers/disk/held.ts';

vi.mock('node:fs', async (original) =>
  (await import('../helpers/disk/without-proc.ts')).withoutProc(await original()),
);

const PATHS = ['a', 'a/b', 'a/b/c'];

// As on macOS: children are reached by path.
it.each(['never', ...PATHS])(
  'without /proc, a lookup never leaves OUT when a symlink replaces a directory before it enters: %s',
  async (when) => {
    await withDirectory((directory) => {
      const out = join(directory, 'out');
      writeTree(out, { 'a/b/c/d': 'inside' });
      writeTree(join(directory, 'outside'), { 'b/c/d': 'outside' });
      const tree = new OrderedLookup(hold(out), new WorkerStatus());
      const found: string[] = [];
      const compare = (): void => {
        for (const path of [...PATHS, 'a/b/c/d']) {
          const existing = tree.find(path);
          if (existing === undefined) continue;
          found.push(path);
          if (path === when) leadOut(directory);
          if (existing.stats.isDirectory()) tree.enter(path, existing);
        }
      };
      if (when === 'never') {
        compare();
        expect(found).toEqual([...PATHS, 'a/b/c/d']);
      } else {
        expect(compare).toThrow(expect.objectContaining({ code: 'not-writable' }));
        expect(found).toEqual(PATHS.slice(0, PATHS.indexOf(when) + 1));
      }
      tree.close();
    });
  },
);

/** Replaces OUT's "a" by a symlink to a directory with the same names. */
function leadOut(directory: string): void {
  renameSync(join(directory, 'out/a'), join(directory, 'aside'));
  symlinkSync(join(directory, 'outside'), join(directory, 'out/a'));
}
