import { openSync, writeFileSync } from 'node:fs';
import type * as fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { closeRead } from '../../src/disk/close-read.ts';
import { hashFile } from '../../src/disk/hash-file.ts';
import { openFile } from '../../src/disk/open-file.ts';
import { OpenDirectory } from '../../src/disk/open-directory.ts';
import { systemError } from '../helpers/disk/disk-calls.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';

const thrown = vi.hoisted((): { error: Error | undefined } => ({ error: undefined }));

vi.mock('node:fs', async (original) => {
  const actual = await original<typeof fs>();
  const closeSync = (fd: number): void => {
    actual.closeSync(fd);
    if (thrown.error !== undefined) throw thrown.error;
  };
  return { ...actual, closeSync };
});

beforeEach(() => {
  thrown.error = undefined;
});

test('a read succeeds even if the disk reports an error on close', () =>
  withDirectory((directory) => {
    const file = join(directory, 'file');
    writeFileSync(file, 'content');
    const hash = (): string => {
      const fd = openFile(file);
      try {
        return hashFile(fd, 7, () => {}).sha256;
      } finally {
        closeRead(fd);
      }
    };
    const digest = hash();
    for (const [code, errno] of [
      ['EIO', -5],
      ['EINTR', -4],
      ['EDQUOT', -122],
    ] as const) {
      thrown.error = systemError(code, errno);
      expect(hash()).toBe(digest);
      const opened = new OpenDirectory(directory);
      expect(opened.names()).toEqual(['file']);
      opened.close();
    }
  }));

test('a close throws if its descriptor is invalid, or if the error is not from the disk', () => {
  expect(() => closeRead(1_000_000)).toThrow(/EBADF/);
  thrown.error = new Error('a bug');
  expect(() => closeRead(openSync('.', 'r'))).toThrow('a bug');
});
