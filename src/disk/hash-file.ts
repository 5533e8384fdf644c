import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { IO_BUFFER_BYTES } from '../limits.ts';

// O_NONBLOCK: a FIFO that took the file's place meanwhile must not hang us.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const buffer = new Uint8Array(4 * IO_BUFFER_BYTES);

/**
 * The SHA-256 of a file's content, in hexadecimal digits.
 *
 * @param onRead called before each read
 * @throws the system call's error, and what `onRead` throws
 */
export function hashFile(path: string | Buffer, onRead: () => void): string {
  const hash = createHash('sha256');
  const fd = openSync(path, OPEN_FLAGS);
  try {
    for (;;) {
      onRead();
      const count = readSync(fd, buffer, 0, buffer.length, null);
      if (count === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, count));
    }
  } finally {
    closeSync(fd);
  }
}
