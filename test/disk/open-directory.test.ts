import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toFsPath } from '../../src/disk/byte-path.ts';
import { OpenFolder } from '../../src/disk/open-directory.ts';
import { errnoOf } from '../../src/disk/errno.ts';
import { withFolder } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { caughtFrom } from '../helpers/capture-error.ts';

const linux = existsSync('/proc/self/fd');

describe('an open folder', () => {
  it('lists its children sorted by their bytes', async () => {
    await withFolder((root) => {
      for (const name of ['b', 'a', 'B', 'a!', 'a-', '\xc3\xa9', '\xff', '\xf0\x9f\x8c\xb2']) {
        writeFileSync(Buffer.from(`${root}/${name}`, 'latin1'), '');
      }
      use(root, (folder) => {
        const names = folder.names();
        expect(names).toEqual(['B', 'a', 'a!', 'a-', 'b', '\xc3\xa9', '\xf0\x9f\x8c\xb2', '\xff']);
        expect([...folder.nameBatches()].flat().toSorted()).toEqual(names);
      });
    });
  });

  it('is not opened where its last component is a symlink, a file, or nothing', async () => {
    await withFolder((root) => {
      mkdirSync(join(root, 'real'));
      symlinkSync('real', join(root, 'link'));
      writeFileSync(join(root, 'file'), '');
      for (const [name, errnos] of [
        ['link', ['ENOTDIR', 'ELOOP']],
        ['file', ['ENOTDIR']],
        ['nothing', ['ENOENT']],
      ] as const) {
        expect(errnos).toContain(errnoOf(caughtFrom(() => new OpenFolder(join(root, name)))));
      }
    });
  });

  it.runIf(linux)('reaches its own children when another folder took its path', async () => {
    await withFolder((root) => {
      writeTree(root, { 'in/file': 'inside', 'out/file': 'outside' });
      use(join(root, 'in'), (folder) => {
        renameSync(join(root, 'in'), join(root, 'moved'));
        symlinkSync('out', join(root, 'in'));
        expect(readFileSync(join(root, 'in/file'), 'utf8')).toBe('outside');
        expect(readFileSync(toFsPath(folder.child('file')), 'utf8')).toBe('inside');
        expect(folder.names()).toEqual(['file']);
        expect(folder.verify()).toBe(true);
      });
    });
  });
});

function use(path: string, run: (folder: OpenFolder) => void): void {
  const folder = new OpenFolder(path);
  try {
    run(folder);
  } finally {
    folder.close();
  }
}
