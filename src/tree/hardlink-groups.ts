import type { BigIntStats } from 'node:fs';
import type { BytePath } from '../disk/byte-path.ts';
import { sourceChanged } from '../disk/system-error.ts';

interface Group {
  first: BytePath;
  unseen: bigint;
  stats: BigIntStats;
}

/**
 * Which entries of a walk are names of the same file or symlink. Forgets a group when all its names
 * were seen.
 */
export class HardlinkGroups {
  readonly #groups = new Map<string, Group>();

  /**
   * The name under which this file was met before, or undefined when this is the first.
   * Call it only for what has more than one name.
   * @throws CtxsyncError source-changed: what has its inode now is not what was met before
   */
  firstName(stats: BigIntStats, path: BytePath): BytePath | undefined {
    const key = `${stats.dev}:${stats.ino}`;
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, { first: path, unseen: stats.nlink - 1n, stats });
      return undefined;
    }
    if (!isSame(group.stats, stats)) throw sourceChanged(path, 'was replaced or written to');
    group.unseen -= 1n;
    if (group.unseen === 0n) this.#groups.delete(key);
    return group.first;
  }
}

/** An inode may be given away anew while we walk. */
function isSame(before: BigIntStats, now: BigIntStats): boolean {
  return (
    before.birthtimeNs === now.birthtimeNs &&
    before.size === now.size &&
    before.mtimeNs === now.mtimeNs &&
    before.isFile() === now.isFile()
  );
}
