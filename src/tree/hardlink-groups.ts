import type { BigIntStats } from 'node:fs';
import type { BytePath } from '../disk/byte-path.ts';

/** Which files of a walk are names of the same file. Forgets a group when all its names were seen. */
export class HardlinkGroups {
  readonly #groups = new Map<string, { first: BytePath; unseen: bigint }>();

  /**
   * The name under which this file was met before, or undefined when this is the first.
   * Call it only for files with more than one name.
   */
  firstName(stats: BigIntStats, path: BytePath): BytePath | undefined {
    const key = `${stats.dev}:${stats.ino}`;
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, { first: path, unseen: stats.nlink - 1n });
      return undefined;
    }
    group.unseen -= 1n;
    if (group.unseen === 0n) this.#groups.delete(key);
    return group.first;
  }
}
