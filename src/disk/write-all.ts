import { writeSync } from 'node:fs';

/**
 * write(2) may write less than it was given.
 * @param at offset in the file; default: where the last write ended
 * @throws the system call's error
 */
export function writeAll(fd: number, bytes: Uint8Array, at?: number): void {
  for (let done = 0; done < bytes.length;) {
    const position = at === undefined ? null : at + done;
    done += writeSync(fd, bytes, done, bytes.length - done, position);
  }
}
