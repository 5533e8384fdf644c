import { isBeneath, joinPath, splitPath, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import type { Names } from '../disk/names.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { EntryStats } from '../disk/entry-stats.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { destinationError } from '../disk/system-error.ts';
import { FilePool, type Step } from '../pool/file-pool.ts';
import { OK, type Slot } from '../pool/slot.ts';

/** An existing entry; valid until the next lookup. */
export interface Existing {
  /** Its parent. */
  directory: HeldDirectory;
  name: BytePath;
  stats: EntryStats;
}

interface Level {
  path: BytePath;
  /** Of the children, sorted. */
  names: Names;
  next: number;
  /** What the pool looks at: from the next name on. */
  ahead: LookAhead[];
}

/** A look at an entry before it is looked up. */
class LookAhead implements Step {
  readonly slot: Slot;
  /** Undefined: it could not be looked at, and has to be again. */
  stats: EntryStats | undefined;
  isSettled = false;

  constructor(slot: Slot) {
    this.slot = slot;
  }

  settle(): void {
    this.isSettled = true;
    if (this.slot.outcome === OK) this.stats = this.slot.stats;
  }
}

export interface OrderedLookupOptions {
  /** Looks at entries ahead of the lookups. */
  pool?: FilePool;
  /** Called with entries that were not looked up, but not their descendants. */
  onPassed?: (path: BytePath) => void;
}

/**
 * Looks up entries in a directory, in walk order: each lookup continues where the last one ended, so that
 * memory holds only the names in the open directories. Symlinks are not followed.
 */
export class OrderedLookup {
  readonly #status: WorkerStatus;
  readonly #onPassed: (path: BytePath) => void;
  readonly #pool: FilePool;
  readonly #root: HeldDirectory | undefined;
  readonly #descent: Descent | undefined;
  readonly #levels: Level[] = [];

  /**
   * @param root absent: nothing is found. Closed with this object
   */
  constructor(
    root: HeldDirectory | undefined,
    status: WorkerStatus,
    { pool = new FilePool(status), onPassed = () => {} }: OrderedLookupOptions = {},
  ) {
    this.#status = status;
    this.#pool = pool;
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
    const { directory } = this.#descent!;
    if (this.#pool.isOpen) this.#lookAhead(level, directory);
    level.next += 1;
    const stats = this.#lookedAhead(level) ?? this.#look(directory, name, path);
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
      if (names !== undefined) this.#levels.push({ path, names, next: 0, ahead: [] });
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
    this.#pool.close();
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
    level.ahead.shift();
  }

  /** Has the pool look at the next names. */
  #lookAhead(level: Level, directory: HeldDirectory): void {
    this.#pool.settleDone();
    for (;;) {
      const name = level.names.at(level.next + level.ahead.length);
      if (name === undefined || !directory.held) return;
      const slot = this.#pool.slotFor('look', directory.fd, joinPath(level.path, name));
      if (slot === undefined) return;
      const step = new LookAhead(slot);
      level.ahead.push(step);
      this.#pool.add(step);
    }
  }

  /** What the pool has seen of the entry that is looked up; waits for it. */
  #lookedAhead(level: Level): EntryStats | undefined {
    const ahead = level.ahead.shift();
    if (ahead === undefined) return undefined;
    while (!ahead.isSettled) this.#pool.settleFirst();
    return ahead.stats;
  }

  #listRoot(root: HeldDirectory): void {
    this.#status.enter('scanning', root.path);
    try {
      this.#levels.push({ path: '', names: root.names(), next: 0, ahead: [] });
    } catch (error) {
      throw destinationError(error, 'list the directory', root.path);
    }
  }

  #look(directory: HeldDirectory, name: BytePath, path: BytePath): EntryStats | undefined {
    this.#status.enter('scanning', path);
    try {
      const begun = this.#pool.begin();
      const stats = directory.look(name);
      this.#pool.ended(begun);
      return stats;
    } catch (error) {
      throw destinationError(error, 'look at', path);
    }
  }
}
