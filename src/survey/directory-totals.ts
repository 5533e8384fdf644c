import { nameStart, type BytePath } from '../disk/byte-path.ts';

export interface DirectoryTotal {
  path: BytePath;
  /** All that is beneath it, at any depth, and is sent. */
  entries: number;
  bytes: number;
}

interface Open extends DirectoryTotal {
  /** Of its directories, the one with the most bytes. */
  largestChildBytes: number;
}

/**
 * Adds up what the directories of a walk hold, in memory for the directories that lead to the current
 * entry: those are left one after the other, as the walk is in order.
 */
export class DirectoryTotals {
  readonly #open: Open[] = [opened('')];
  readonly #onTotal: (total: DirectoryTotal, largestChildBytes: number) => void;

  /** @param onTotal called for each directory when it is left, for the root at the end */
  constructor(onTotal: (total: DirectoryTotal, largestChildBytes: number) => void) {
    this.#onTotal = onTotal;
  }

  /** @param path of the next entry of the walk; not the root */
  add(path: BytePath, isDirectory: boolean, bytes: number): void {
    // Its directory is one of those that are open, and they differ in their length.
    const parentLength = Math.max(0, nameStart(path) - 1);
    while (this.#open.at(-1)!.path.length !== parentLength) this.#leave();
    const parent = this.#open.at(-1)!;
    parent.entries += 1;
    parent.bytes += bytes;
    if (isDirectory) this.#open.push(opened(path));
  }

  end(): void {
    while (this.#open.length > 0) this.#leave();
  }

  #leave(): void {
    const { largestChildBytes, ...total } = this.#open.pop()!;
    const parent = this.#open.at(-1);
    if (parent !== undefined) {
      parent.entries += total.entries;
      parent.bytes += total.bytes;
      parent.largestChildBytes = Math.max(parent.largestChildBytes, total.bytes);
    }
    this.#onTotal(total, largestChildBytes);
  }
}

function opened(path: BytePath): Open {
  return { path, entries: 0, bytes: 0, largestChildBytes: 0 };
}
