import { closeSync } from 'node:fs';
import { errnoOf } from './errno.ts';

/**
 * Closes what was only read. A disk error is ignored: all bytes have been read, and the descriptor is
 * gone whatever close(2) returns. EBADF would be a bug of ours.
 */
export function closeRead(fd: number): void {
  try {
    closeSync(fd);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || errno === 'EBADF') throw error;
  }
}
