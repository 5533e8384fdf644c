import type { BigIntStats } from 'node:fs';
import { isBeneath, joinPath, splitPath, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { destinationError } from '../disk/system-error.ts';

/** An entry that is there; valid until the next one is looked for. */
export interface Existing {
  /** That it lies in. */
  directory: HeldDirectory;
  name: BytePath;
  stats: BigIntStats;
}

interface Level {
  path: BytePath;
  /** Of the children, in order. */
  names: BytePath[];
  next: number;
}

/**
 * Looks for entries in a directory, in the order of a walk: each look goes on where the last one ended,
 * so that no more is held in memory than the names of the directories that are open. No symlink is
 * followed.
 */
export class OrderedLookup {
  readonly #status: WorkerStatus;
  readonly #onPassed: (path: BytePath) => void;
  readonly #root: HeldDirectory | undefined;
  readonly #descent: Descent | undefined;
  readonly #levels: Level[] = [];

  /**
   * @param root absent: then there is nothing. Closed with the tree
   * @param onPassed told of entries that nobody looked for; not of what is in them
   */
  constructor(
    root: HeldDirectory | undefined,
    status: WorkerStatus,
    onPassed: (path: BytePath) => void = () => {},
  ) {
    this.#status = status;
    this.#onPassed = onPassed;
    this.#root = root;
    this.#descent = root && new Descent(root);
    if (root !== undefined) this.#listRoot(root);
  }

  /**
   * The entry of this path, or undefined.
   * @param path after all that were looked for before
   * @throws CtxsyncError not-writable
   */
  find(path: BytePath): Existing | undefined {
    const [parent, name] = splitPath(path);
    const level = this.#levelOf(parent);
    if (level === undefined) return undefined;
    while (level.next < level.names.length && level.names[level.next]! < name) this.#pass(level);
    if (level.names[level.next] !== name) return undefined;
    level.next += 1;
    const { directory } = this.#descent!;
    const stats = this.#look(directory, name, path);
    return stats === undefined ? undefined : { directory, name, stats };
  }

  /**
   * Entries in this directory, which was found just now, will be looked for.
   * @returns false when we may not list it
   * @throws CtxsyncError not-writable
   */
  enter(path: BytePath, { name }: Existing): boolean {
    this.#status.enter('scanning', path);
    try {
      const names = this.#descent!.enterAndList(name);
      if (names !== undefined) this.#levels.push({ path, names, next: 0 });
      return names !== undefined;
    } catch (error) {
      throw destinationError(error, 'list the directory', path);
    }
  }

  /** Nothing more is looked for: passes what is left, and closes all directories. */
  end(): void {
    while (this.#levels.length > 0) this.#leave();
  }

  /** Closes all directories. */
  close(): void {
    this.#levels.length = 0;
    this.#descent?.close();
    this.#root?.close();
  }

  /** The directory, if it is there; those that are done with are left. */
  #levelOf(path: BytePath): Level | undefined {
    for (;;) {
      const level = this.#levels.at(-1);
      if (level === undefined || level.path === path) return level;
      // It is in here, but was not entered.
      if (isBeneath(path, level.path)) return undefined;
      this.#leave();
    }
  }

  #leave(): void {
    const level = this.#levels.at(-1)!;
    while (level.next < level.names.length) this.#pass(level);
    this.#levels.pop();
    if (this.#levels.length > 0) this.#descent!.leave();
  }

  #pass(level: Level): void {
    this.#onPassed(joinPath(level.path, level.names[level.next]!));
    level.next += 1;
  }

  #listRoot(root: HeldDirectory): void {
    this.#status.enter('scanning', root.path);
    try {
      this.#levels.push({ path: '', names: root.names(), next: 0 });
    } catch (error) {
      throw destinationError(error, 'list the directory', root.path);
    }
  }

  #look(directory: HeldDirectory, name: BytePath, path: BytePath): BigIntStats | undefined {
    this.#status.enter('scanning', path);
    try {
      return directory.look(name);
    } catch (error) {
      throw destinationError(error, 'look at', path);
    }
  }
}
