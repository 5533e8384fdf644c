import { renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { ExistingTree } from '../../src/dest/ordered-lookup.ts';
import { Gauge } from '../../src/disk/worker-status.ts';
import { withFolder } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { hold } from '../helpers/disk/held.ts';

vi.mock('node:fs', async (original) =>
  (await import('../helpers/disk/without-proc.ts')).withoutProc(await original()),
);

const PATHS = ['a', 'a/b', 'a/b/c'];

// As on macOS: children are reached by path.
it.each(['never', ...PATHS])(
  'without /proc what is there is found only in OUT, when a folder leads out before %s is entered',
  async (when) => {
    await withFolder((folder) => {
      const out = join(folder, 'out');
      writeTree(out, { 'a/b/c/d': 'inside' });
      writeTree(join(folder, 'outside'), { 'b/c/d': 'outside' });
      const tree = new ExistingTree(hold(out), new Gauge());
      const found: string[] = [];
      const compare = (): void => {
        for (const path of [...PATHS, 'a/b/c/d']) {
          const existing = tree.find(path);
          if (existing === undefined) continue;
          found.push(path);
          if (path === when) leadOut(folder);
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

/** Puts a symlink to a folder with the same names in the place of OUT's "a". */
function leadOut(folder: string): void {
  renameSync(join(folder, 'out/a'), join(folder, 'aside'));
  symlinkSync(join(folder, 'outside'), join(folder, 'out/a'));
}
