import type { BigIntStats } from 'node:fs';

/** Tells a file or folder from all others, whatever its names are. */
export function fileKey({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}
