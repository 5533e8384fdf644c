import { toText, type BytePath } from '../disk/byte-path.ts';
import type { EntryStats } from '../disk/entry-stats.ts';
import { inodeKey } from '../disk/inode.ts';
import { sourceChanged } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { HARDLINK_GROUP_BYTES, MAX_HARDLINK_BYTES } from '../limits.ts';

interface Group {
  first: BytePath;
  unseen: number;
  /** Its version when it was first seen. */
  version: string;
}

/**
 * Tracks which entries of a walk are names of the same file or symlink. Forgets a group once all its
 * names were seen.
 */
export class HardlinkGroups {
  readonly #groups = new Map<string, Group>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = MAX_HARDLINK_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /**
   * The name under which this file was seen before, or undefined if this is the first.
   * Call it only for files and symlinks with more than one name.
   * @throws CtxsyncError source-changed: the inode is no longer what was seen before; over-limit
   */
  firstName(stats: EntryStats, path: BytePath): BytePath | undefined {
    const key = inodeKey(stats);
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#add(key, { first: path, unseen: Number(stats.nlink) - 1, version: versionOf(stats) });
      return undefined;
    }
    if (group.version !== versionOf(stats)) throw sourceChanged(path, 'was replaced or written to');
    group.unseen -= 1;
    if (group.unseen === 0) this.#forget(key, group);
    return group.first;
  }

  #add(key: string, group: Group): void {
    this.#bytes += HARDLINK_GROUP_BYTES + group.first.length;
    if (this.#bytes > this.#maxBytes) throw tooMany(group.first, this.#groups.size);
    this.#groups.set(key, group);
  }

  #forget(key: string, { first }: Group): void {
    this.#bytes -= HARDLINK_GROUP_BYTES + first.length;
    this.#groups.delete(key);
  }
}

/** An inode number may be reused during the walk. */
function versionOf(stats: EntryStats): string {
  const kind = stats.isFile() ? 'file' : 'symlink';
  return `${kind} ${stats.birthtimeNs} ${stats.mtimeNs} ${stats.size}`;
}

function tooMany(path: BytePath, count: number): CtxsyncError {
  const text = toText(path);
  const message = `${count} files with hardlinks outside of what was walked are too many to remember; stopped at ${text}. Send the context in several parts`;
  return new CtxsyncError('over-limit', message, { path: text });
}
