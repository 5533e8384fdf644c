import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeTree } from '../../src/dest/remove-tree.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { held } from '../helpers/disk/held.ts';

describe('removing a tree', () => {
  it('removes files, directories, symlinks and names of any bytes', async () => {
    await withDirectory((directory) => {
      writeTree(directory, { 'tree/a/b/c': '', 'tree/d': '' });
      mkdirSync(join(directory, 'tree/empty'));
      symlinkSync('d', join(directory, 'tree/link'));
      writeFileSync(Buffer.from(`${directory}/tree/\xff\n`, 'latin1'), '');
      removeTree(held(directory), 'tree', new WorkerStatus());
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  it('opens directories that lack permissions', async () => {
    await withDirectory((directory) => {
      writeTree(directory, { 'tree/a/b/c': '' });
      for (const path of ['tree/a/b', 'tree/a', 'tree']) chmodSync(join(directory, path), 0);
      asNobody(directory, () => removeTree(held(directory), 'tree', new WorkerStatus()));
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  it('follows no symlink, neither in the tree nor in its place', async () => {
    await withDirectory((directory) => {
      writeTree(directory, { 'mine/a/b': 'mine' });
      const mine = treeState(join(directory, 'mine'));
      mkdirSync(join(directory, 'tree'));
      symlinkSync('../mine', join(directory, 'tree/link'));
      symlinkSync('mine', join(directory, 'link'));
      removeTree(held(directory), 'tree', new WorkerStatus());
      removeTree(held(directory), 'link', new WorkerStatus());
      expect(readdirSync(directory)).toEqual(['mine']);
      expect(treeState(join(directory, 'mine'))).toEqual(mine);
    });
  });

  it('removes a single file, and ignores a missing one', async () => {
    await withDirectory((directory) => {
      writeFileSync(join(directory, 'file'), '');
      removeTree(held(directory), 'file', new WorkerStatus());
      removeTree(held(directory), 'nothing', new WorkerStatus());
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  it('reports the path before each call, so that a disk that hangs can be named', async () => {
    await withDirectory((directory) => {
      writeTree(directory, { 'tree/file': '' });
      const status = new WorkerStatus();
      removeTree(held(directory), 'tree', status);
      expect(status.read()).toMatchObject({
        state: 'cleaning',
        path: join(directory, 'tree/file'),
        // The directory with its listing, and the file.
        calls: 2,
      });
    });
  });
});
