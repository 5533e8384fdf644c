import { constants, fstatSync } from 'node:fs';
import type { BytePath } from '../disk/byte-path.ts';
import { closeRead } from '../disk/close-read.ts';
import { errnoOf } from '../disk/errno.ts';
import { hashFile } from '../disk/hash-file.ts';
import { destinationError } from '../disk/system-error.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { versionOf } from './file-version.ts';
import type { Existing } from './ordered-lookup.ts';

/**
 * The SHA-256 of an existing file, in hexadecimal digits; empty when we may not read it, or it is being changed.
 * @throws CtxsyncError not-writable
 */
export function hashExisting(
  { directory, name, stats }: Existing,
  path: BytePath,
  status: WorkerStatus,
): string {
  let fd: number | undefined;
  try {
    fd = directory.openFile(name, constants.O_RDONLY);
    const { sha256 } = hashFile(
      fd,
      Number(stats.size),
      () => status.enter('comparing', path),
      (piece) => status.addBytes(piece.length),
    );
    return versionOf(fstatSync(fd, { bigint: true })) === versionOf(stats) ? sha256 : '';
  } catch (error) {
    // A file can be writable but not readable.
    if (errnoOf(error) === 'EACCES') return '';
    throw destinationError(error, 'read', path);
  } finally {
    if (fd !== undefined) closeRead(fd);
  }
}
