import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { IO_BUFFER_BYTES } from '../limits.ts';
import { openFile } from './open-file.ts';

const buffer = new Uint8Array(4 * IO_BUFFER_BYTES);

/**
 * The SHA-256 of a file's content, in hexadecimal digits.
 *
 * @param onRead called before each read
 * @throws the system call's error, and what `onRead` throws
 */
export function hashFile(path: string | Buffer, onRead: () => void): string {
  const hash = createHash('sha256');
  const fd = openFile(path);
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
