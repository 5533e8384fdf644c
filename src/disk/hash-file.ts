import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { IO_BUFFER_BYTES } from '../limits.ts';
import { closeRead } from './close-read.ts';
import { openFile } from './open-file.ts';

const buffer = new Uint8Array(4 * IO_BUFFER_BYTES);

export interface FileHash {
  /** In hexadecimal digits. */
  sha256: string;
  /** Of content: the file's reported size may differ. */
  bytes: number;
}

/**
 * The SHA-256 of a file's content, up to its end.
 *
 * @param onRead called before each read
 * @throws the system call's error, and what `onRead` throws
 */
export function hashFile(path: string | Buffer, onRead: () => void): FileHash {
  return hashOpenFile(openFile(path), onRead);
}

/** The same for an open file, from its current offset; closes it. */
export function hashOpenFile(fd: number, onRead: () => void): FileHash {
  const hash = createHash('sha256');
  try {
    for (let bytes = 0; ;) {
      onRead();
      const count = readSync(fd, buffer, 0, buffer.length, null);
      if (count === 0) return { sha256: hash.digest('hex'), bytes };
      hash.update(buffer.subarray(0, count));
      bytes += count;
    }
  } finally {
    closeRead(fd);
  }
}
