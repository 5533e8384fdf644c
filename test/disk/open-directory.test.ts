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
import { OpenDirectory } from '../../src/disk/open-directory.ts';
import { errnoOf } from '../../src/disk/errno.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { caughtFrom } from '../helpers/capture-error.ts';

const linux = existsSync('/proc/self/fd');

describe('an open directory', () => {
  it('lists its children sorted by their bytes', async () => {
    await withDirectory((root) => {
      for (const name of ['b', 'a', 'B', 'a!', 'a-', '\xc3\xa9', '\xff', '\xf0\x9f\x8c\xb2']) {
        writeFileSync(Buffer.from(`${root}/${name}`, 'latin1'), '');
      }
      use(root, (directory) => {
        const names = directory.names();
        expect(names).toEqual(['B', 'a', 'a!', 'a-', 'b', '\xc3\xa9', '\xf0\x9f\x8c\xb2', '\xff']);
      });
    });
  });

  it('is not opened if the last component of its path is a symlink, a file, or missing', async () => {
    await withDirectory((root) => {
      mkdirSync(join(root, 'real'));
      symlinkSync('real', join(root, 'link'));
      writeFileSync(join(root, 'file'), '');
      for (const [name, errnos] of [
        ['link', ['ENOTDIR', 'ELOOP']],
        ['file', ['ENOTDIR']],
        ['nothing', ['ENOENT']],
      ] as const) {
        expect(errnos).toContain(errnoOf(caughtFrom(() => new OpenDirectory(join(root, name)))));
      }
    });
  });

  it.runIf(linux)('reaches its own children even if another directory took its path', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'in/file': 'inside', 'out/file': 'outside' });
      use(join(root, 'in'), (directory) => {
        renameSync(join(root, 'in'), join(root, 'moved'));
        symlinkSync('out', join(root, 'in'));
        expect(readFileSync(join(root, 'in/file'), 'utf8')).toBe('outside');
        expect(readFileSync(toFsPath(directory.child('file')), 'utf8')).toBe('inside');
        expect(directory.names()).toEqual(['file']);
        expect(directory.verify()).toBe(true);
      });
    });
  });
});

function use(path: string, run: (directory: OpenDirectory) => void): void {
  const directory = new OpenDirectory(path);
  try {
    run(directory);
  } finally {
    directory.close();
  }
}
