import { chmodSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { joinPath, toFsPath, type BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { errnoOf } from '../disk/system-error.ts';

/**
 * Removes a folder of ours with all that is in it, or a file, or nothing where there is nothing.
 * Follows no symlink, and opens folders that lack permissions.
 */
export function removeTree(path: BytePath, gauge: Gauge): void {
  gauge.enter('cleaning', path);
  const stats = lstatSync(toFsPath(path), { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isDirectory()) return removeFile(path);
  if ((stats.mode & 0o700) !== 0o700) chmodSync(toFsPath(path), 0o700);
  for (const name of readdirSync(toFsPath(path), { encoding: 'latin1' })) {
    removeChild(joinPath(path, name), gauge);
  }
  rmdirSync(toFsPath(path));
}

/** Removes a file, or nothing where there is nothing. */
export function removeFile(path: BytePath): void {
  try {
    unlinkSync(toFsPath(path));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function removeChild(path: BytePath, gauge: Gauge): void {
  gauge.enter('cleaning', path);
  try {
    // Most are files: on a folder this fails and removes nothing.
    removeFile(path);
  } catch (error) {
    // Linux says EISDIR, POSIX and macOS EPERM.
    const errno = errnoOf(error);
    if (errno !== 'EISDIR' && errno !== 'EPERM') throw error;
    removeTree(path, gauge);
  }
}
