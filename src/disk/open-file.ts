import { constants, openSync } from 'node:fs';

// O_NONBLOCK: a FIFO that replaced the file meanwhile must not block us.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Opens a file to read it; no symlink is followed.
 * @throws the system call's error
 */
export function openFile(path: string | Buffer): number {
  return openSync(path, OPEN_FLAGS);
}
