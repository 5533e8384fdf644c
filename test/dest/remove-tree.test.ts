import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeTree } from '../../src/dest/remove-tree.ts';
import { Gauge } from '../../src/disk/worker-status.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withFolder } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { held } from '../helpers/disk/held.ts';

describe('removing a tree', () => {
  it('removes files, folders, symlinks and names of any bytes', async () => {
    await withFolder((folder) => {
      writeTree(folder, { 'tree/a/b/c': '', 'tree/d': '' });
      mkdirSync(join(folder, 'tree/empty'));
      symlinkSync('d', join(folder, 'tree/link'));
      writeFileSync(Buffer.from(`${folder}/tree/\xff\n`, 'latin1'), '');
      removeTree(held(folder), 'tree', new Gauge());
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('opens folders that lack permissions', async () => {
    await withFolder((folder) => {
      writeTree(folder, { 'tree/a/b/c': '' });
      for (const path of ['tree/a/b', 'tree/a', 'tree']) chmodSync(join(folder, path), 0);
      asNobody(folder, () => removeTree(held(folder), 'tree', new Gauge()));
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('follows no symlink, neither in it nor in its own place', async () => {
    await withFolder((folder) => {
      writeTree(folder, { 'mine/a/b': 'mine' });
      const mine = treeState(join(folder, 'mine'));
      mkdirSync(join(folder, 'tree'));
      symlinkSync('../mine', join(folder, 'tree/link'));
      symlinkSync('mine', join(folder, 'link'));
      removeTree(held(folder), 'tree', new Gauge());
      removeTree(held(folder), 'link', new Gauge());
      expect(readdirSync(folder)).toEqual(['mine']);
      expect(treeState(join(folder, 'mine'))).toEqual(mine);
    });
  });

  it('removes a file, and nothing where there is nothing', async () => {
    await withFolder((folder) => {
      writeFileSync(join(folder, 'file'), '');
      removeTree(held(folder), 'file', new Gauge());
      removeTree(held(folder), 'nothing', new Gauge());
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('says what it is about before each call, so that a disk that hangs can be named', async () => {
    await withFolder((folder) => {
      writeTree(folder, { 'tree/file': '' });
      const gauge = new Gauge();
      removeTree(held(folder), 'tree', gauge);
      expect(gauge.read()).toMatchObject({
        state: 'cleaning',
        path: join(folder, 'tree/file'),
        // The folder, its list, and the file.
        calls: 3,
      });
    });
  });
});
