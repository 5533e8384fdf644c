import type { DirectoryIdentity } from '../disk/held-directory.ts';

/** Tells a file or directory from all others, whatever its names are. */
export function inodeKey({ dev, ino }: DirectoryIdentity): string {
  return `${dev}:${ino}`;
}
