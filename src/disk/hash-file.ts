import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { IO_BUFFER_BYTES } from '../limits.ts';

const buffer = new Uint8Array(4 * IO_BUFFER_BYTES);

export interface FileHash {
  /** In hexadecimal digits. */
  sha256: string;
  /** Of content that was read: the file's reported size may differ. */
  bytes: number;
}

/**
 * The SHA-256 of an open file's content, from its beginning to its end; its offset stays what it is.
 *
 * @param size that it should have: a file that is larger, or grows as fast as it is read, is not read to its end
 * @param onRead called before each read
 * @param onContent called with each piece of content, which is valid during the call
 * @throws the system call's error, and what `onRead` and `onContent` throw
 */
export function hashFile(
  fd: number,
  size: number,
  onRead: () => void,
  onContent: (piece: Uint8Array) => void = () => {},
): FileHash {
  const hash = createHash('sha256');
  for (let bytes = 0; ;) {
    onRead();
    const count = readSync(fd, buffer, 0, buffer.length, bytes);
    const piece = buffer.subarray(0, count);
    hash.update(piece);
    onContent(piece);
    bytes += count;
    if (count === 0 || bytes > size) return { sha256: hash.digest('hex'), bytes };
  }
}
