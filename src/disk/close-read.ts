import { closeSync } from 'node:fs';
import { errnoOf } from './errno.ts';

/**
 * Closes what was only read. That a disk fails then is no failure of ours: all bytes have come, and
 * the descriptor is gone whatever close(2) returns. EBADF would be a fault of ours.
 */
export function closeRead(fd: number): void {
  try {
    closeSync(fd);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || errno === 'EBADF') throw error;
  }
}
