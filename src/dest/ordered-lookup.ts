import type { BigIntStats } from 'node:fs';
import { isBeneath, joinPath, splitPath, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import type { Names } from '../disk/names.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { destinationError } from '../disk/system-error.ts';

/** An existing entry; valid until the next lookup. */
export interface Existing {
  /** Its parent. */
  directory: HeldDirectory;
  name: BytePath;
  stats: BigIntStats;
}

interface Level {
  path: BytePath;
  /** Of the children, sorted. */
  names: Names;
  next: number;
}

/**
 * Looks up entries in a directory, in walk order: each lookup continues where the last one ended, so that
 * memory holds only the names in the open directories. Symlinks are not followed.
 */
export class OrderedLookup {
  readonly #status: WorkerStatus;
  readonly #onPassed: (path: BytePath) => void;
  readonly #root: HeldDirectory | undefined;
  readonly #descent: Descent | undefined;
  readonly #levels: Level[] = [];

  /**
   * @param root absent: nothing is found. Closed with this object
   * @param onPassed called with entries that were not looked up, but not their descendants
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
   * @param path sorts after all that were looked up before
   * @throws CtxsyncError not-writable
   */
  find(path: BytePath): Existing | undefined {
    const [parent, name] = splitPath(path);
    const level = this.#levelOf(parent);
    if (level === undefined) return undefined;
    while (level.next < level.names.length && level.names.at(level.next)! < name) this.#pass(level);
    if (level.names.at(level.next) !== name) return undefined;
    level.next += 1;
    const { directory } = this.#descent!;
    const stats = this.#look(directory, name, path);
    return stats === undefined ? undefined : { directory, name, stats };
  }

  /**
   * Enters this directory, which was just found, to look up its entries.
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

  /** Ends the lookups: passes what is left, and closes all directories. */
  end(): void {
    while (this.#levels.length > 0) this.#leave();
  }

  /** Closes all directories. */
  close(): void {
    this.#levels.length = 0;
    this.#descent?.close();
    this.#root?.close();
  }

  /** The directory, if it was entered; leaves finished ones. */
  #levelOf(path: BytePath): Level | undefined {
    for (;;) {
      const level = this.#levels.at(-1);
      if (level === undefined || level.path === path) return level;
      // It is below this level, but was not entered.
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
    this.#onPassed(joinPath(level.path, level.names.at(level.next)!));
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
