import type { BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { toMicroseconds } from '../disk/mtime.ts';
import { destinationError } from '../disk/system-error.ts';
import { OrderedLookup, type Existing } from './ordered-lookup.ts';

/**
 * What runs that broke off have left in their stages: whole files, and one at the most that is not.
 * Looked at in the order of a walk.
 */
export class PartialStages {
  readonly #trees: OrderedLookup[];

  /** @param trees of stages, the newest first; absent where the context has none. Closed with this */
  constructor(trees: readonly (HeldDirectory | undefined)[], status: WorkerStatus) {
    this.#trees = trees.map((tree) => new OrderedLookup(tree, status));
  }

  /** There is nothing. */
  get empty(): boolean {
    return this.#trees.length === 0;
  }

  /** Files in this directory will be looked for. */
  enter(path: BytePath): void {
    for (const tree of this.#trees) {
      const found = tree.find(path);
      if (found?.stats.isDirectory() !== true) continue;
      openUp(found, path);
      tree.enter(path, found);
    }
  }

  /**
   * A file that may be this one: a partly written one has another time, unless it has another size.
   * @param path after all that were looked for before
   */
  find(path: BytePath, size: number, mtimeUs: number): Existing | undefined {
    let newest: Existing | undefined;
    for (const tree of this.#trees) {
      const found = tree.find(path);
      if (found !== undefined && isFile(found, size, mtimeUs)) newest ??= found;
    }
    return newest;
  }

  close(): void {
    for (const tree of this.#trees) tree.close();
  }
}

/** A stage that was whole has directories that we may not list, or move files out of. It is ours. */
function openUp({ directory, name, stats }: Existing, path: BytePath): void {
  if ((stats.mode & 0o700n) === 0o700n) return;
  try {
    directory.setChildMode(name, 0o700);
  } catch (error) {
    throw destinationError(error, 'open the directory', path);
  }
}

/** With other names it could be a file of OUT, or be taken twice for files that are not one. */
function isFile({ stats }: Existing, size: number, mtimeUs: number): boolean {
  const alone = stats.isFile() && stats.nlink === 1n;
  return alone && stats.size === BigInt(size) && toMicroseconds(stats.mtimeNs) === mtimeUs;
}
