import type { BigIntStats } from 'node:fs';

/** The kind of an entry, for messages: "a FIFO". */
export function kindOf(stats: BigIntStats): string {
  if (stats.isSocket()) return 'a socket';
  if (stats.isDirectory()) return 'a directory';
  if (stats.isSymbolicLink()) return 'a symlink';
  if (stats.isFIFO()) return 'a FIFO';
  return stats.isFile() ? 'a file' : 'a device';
}
