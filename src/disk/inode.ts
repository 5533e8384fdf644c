/** Identifies a file or directory, whatever its names are. */
export interface Inode {
  dev: bigint;
  ino: bigint;
}

export function isSameInode(one: Inode, other: Inode): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** The key of an inode in a map. */
export function inodeKey({ dev, ino }: Inode): string {
  return `${dev}:${ino}`;
}
