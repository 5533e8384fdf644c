import type { BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { toMicroseconds } from '../disk/mtime.ts';
import { ExistingTree, type Existing } from './existing-tree.ts';

/**
 * What runs that broke off have left in their stages: whole files, and one at the most that is not.
 * Looked at in the order of a walk.
 */
export class Remains {
  readonly #trees: ExistingTree[];

  /** @param trees of stages, the newest first */
  constructor(trees: readonly BytePath[], gauge: Gauge) {
    this.#trees = trees.map((tree) => new ExistingTree(tree, gauge));
  }

  /** There is nothing. */
  get empty(): boolean {
    return this.#trees.length === 0;
  }

  /** Files in this folder will be looked for. */
  enter(path: BytePath): void {
    for (const tree of this.#trees) {
      const found = tree.find(path);
      if (found?.stats.isDirectory() === true) tree.enter(path, found);
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

function isFile({ stats }: Existing, size: number, mtimeUs: number): boolean {
  return stats.isFile() && stats.size === BigInt(size) && toMicroseconds(stats.mtimeNs) === mtimeUs;
}
