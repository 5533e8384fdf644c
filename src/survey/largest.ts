import { isBeneath, type BytePath } from '../disk/byte-path.ts';
import type { SourceEntry } from '../entry/entry.ts';
import { DirectoryTotals, type DirectoryTotal } from './directory-totals.ts';
import { isBeneathWhole, isWhole } from './risky-names.ts';
import { TopList } from './top-list.ts';

export interface FileSize {
  path: BytePath;
  bytes: number;
}

/** A directory of which one child holds this share says no more than that child: it is not listed. */
const SAME_SHARE = 0.9;

/**
 * The largest directories and files of a walk, without a list of all. What is in a directory such as
 * `node_modules` is part of it: it is sent or ignored as a whole.
 */
export class Largest {
  readonly #totals: DirectoryTotals;
  readonly #directories: TopList<DirectoryTotal>;
  readonly #files: TopList<FileSize>;
  /** Bytes of the smallest file that is among the largest; an empty one never is. */
  #leastBytes = 1;

  /** @param max how many of each */
  constructor(max: number) {
    this.#directories = new TopList<DirectoryTotal>(max, bySize);
    this.#files = new TopList<FileSize>(max, bySize);
    this.#totals = new DirectoryTotals((total, largestChildBytes) => {
      const { path, bytes } = total;
      if (path === '' || bytes === 0 || isBeneathWhole(path)) return;
      if (isWhole(path) || largestChildBytes < SAME_SHARE * bytes) this.#directories.add(total);
    });
  }

  /** Takes the entries of a walk in their order, without the root. */
  add({ path, kind, size }: Pick<SourceEntry, 'path' | 'kind' | 'size'>): void {
    this.#totals.add(path, kind === 'directory', size);
    if (size >= this.#leastBytes) this.#addFile(path, size);
  }

  #addFile(path: BytePath, bytes: number): void {
    this.#files.add({ path, bytes });
    if (this.#files.isFull) this.#leastBytes = this.#files.items.at(-1)?.bytes ?? Infinity;
  }

  /** Call it once, after the last entry. */
  end(): void {
    this.#totals.end();
  }

  get directories(): readonly DirectoryTotal[] {
    return this.#directories.items;
  }

  get files(): readonly FileSize[] {
    return this.#files.items;
  }

  /** The largest of both, none of them within another. */
  worst(): FileSize[] {
    const chosen: FileSize[] = [];
    for (const each of [...this.files, ...this.directories].toSorted(bySize)) {
      const { path, bytes } = each;
      const within = ({ path: other }: FileSize): boolean =>
        isBeneath(path, other) || isBeneath(other, path);
      if (!chosen.some(within)) chosen.push({ path, bytes });
    }
    return chosen;
  }
}

/** Of the same size: by their bytes, so that the order is stable. */
function bySize(a: FileSize, b: FileSize): number {
  return b.bytes - a.bytes || (a.path < b.path ? -1 : 1);
}
