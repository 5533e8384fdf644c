import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { OpenDirectory } from '../../src/disk/open-directory.ts';
import { errnoOf } from '../../src/disk/errno.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { caughtFrom } from '../helpers/capture-error.ts';

const disk = vi.hoisted(() => ({ failing: false, failedOn: [] as number[] }));

vi.mock('node:fs', async (importOriginal) => {
  const { withoutProc } = await import('../helpers/disk/without-proc.ts');
  const real = await importOriginal<typeof import('node:fs')>();
  return {
    ...withoutProc(real),
    fstatSync: (fd: number, options: fs.StatSyncOptions) => {
      if (!disk.failing) return real.fstatSync(fd, options);
      disk.failedOn.push(fd);
      throw Object.assign(new Error('EIO'), { code: 'EIO' });
    },
  };
});

// As on macOS.
describe('an open directory without /proc', () => {
  it('reaches its children by path, and knows whether the path still leads to it', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/in/file': '', 'out/in/file': '' });
      const directory = new OpenDirectory(join(root, 'a/in'));
      try {
        expect(directory.child('file')).toBe(join(root, 'a/in/file'));
        expect(directory.verify()).toBe(true);
        fs.renameSync(join(root, 'a'), join(root, 'aside'));
        expect(directory.verify()).toBe(false);
        fs.symlinkSync('out', join(root, 'a'));
        expect(directory.verify()).toBe(false);
        fs.unlinkSync(join(root, 'a'));
        fs.writeFileSync(join(root, 'a'), '');
        expect(directory.verify()).toBe(false);
        fs.unlinkSync(join(root, 'a'));
        fs.renameSync(join(root, 'aside'), join(root, 'a'));
        expect(directory.verify()).toBe(true);
      } finally {
        directory.close();
      }
    });
  });

  it('is closed again if fstat fails', async () => {
    await withDirectory((root) => {
      disk.failing = true;
      try {
        expect(errnoOf(caughtFrom(() => new OpenDirectory(root)))).toBe('EIO');
      } finally {
        disk.failing = false;
      }
      const [fd] = disk.failedOn as [number];
      expect(() => fs.fstatSync(fd)).toThrow('EBADF');
    });
  });
});
