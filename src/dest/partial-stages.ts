import type { BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { toMicroseconds } from '../disk/mtime.ts';
import { destinationError } from '../disk/system-error.ts';
import { OrderedLookup, type Existing } from './ordered-lookup.ts';

/**
 * What interrupted runs have left in their stages: complete files, and a few incomplete ones.
 * Looked up in walk order.
 */
export class PartialStages {
  readonly #trees: OrderedLookup[];

  /** @param trees of stages, the newest first; undefined where the context has none. Closed with this */
  constructor(trees: readonly (HeldDirectory | undefined)[], status: WorkerStatus) {
    this.#trees = trees.map((tree) => new OrderedLookup(tree, status));
  }

  /** There are no stages. */
  get empty(): boolean {
    return this.#trees.length === 0;
  }

  /** Enters this directory, to look up its files. */
  enter(path: BytePath): void {
    for (const tree of this.#trees) {
      const found = tree.find(path);
      if (found?.stats.isDirectory() !== true) continue;
      openUp(found, path);
      tree.enter(path, found);
    }
  }

  /**
   * A file that may be this one: a partly written one differs in time or size.
   * @param path sorts after all that were looked up before
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

/** A complete stage can have directories that deny us access. The stage is ours. */
function openUp({ directory, name, stats }: Existing, path: BytePath): void {
  if ((stats.mode & 0o700n) === 0o700n) return;
  try {
    directory.setChildMode(name, 0o700);
  } catch (error) {
    throw destinationError(error, 'open the directory', path);
  }
}

/** With other names it could be a file of OUT, or be used twice for files that are not hardlinked. */
function isFile({ stats }: Existing, size: number, mtimeUs: number): boolean {
  const alone = stats.isFile() && stats.nlink === 1n;
  return alone && stats.size === BigInt(size) && toMicroseconds(stats.mtimeNs) === mtimeUs;
}
