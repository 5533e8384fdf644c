import { lstatSync, type BigIntStats } from 'node:fs';
import {
  isBeneath,
  joinPath,
  splitPath,
  toFsPath,
  toText,
  type BytePath,
} from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { OpenFolder } from '../disk/open-folder.ts';
import { destinationError, errnoOf } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';

/** An entry that is there. */
export interface Existing {
  /** Where to open it; valid until the next entry is looked for. */
  fsPath: BytePath;
  stats: BigIntStats;
}

interface Level {
  path: BytePath;
  folder: OpenFolder;
  /** Of the children, in order. */
  names: BytePath[];
  next: number;
}

/**
 * Looks for entries in a folder, in the order of a walk: each look goes on where the last one ended,
 * so that no more is held in memory than the names of the folders that are open. No symlink is
 * followed.
 */
export class ExistingTree {
  readonly #gauge: Gauge;
  readonly #onPassed: (path: BytePath) => void;
  readonly #levels: Level[] = [];

  /**
   * @param root may be missing, or no folder: then there is nothing
   * @param onPassed told of entries that nobody looked for; not of what is in them
   */
  constructor(root: BytePath, gauge: Gauge, onPassed: (path: BytePath) => void = () => {}) {
    this.#gauge = gauge;
    this.#onPassed = onPassed;
    const stats = this.#look(root, root);
    if (stats?.isDirectory() === true) this.#openRoot(root);
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
    const fsPath = level.folder.child(name);
    const stats = this.#look(fsPath, path);
    checkSame(level);
    return stats === undefined ? undefined : { fsPath, stats };
  }

  /**
   * Entries in this folder, which was found just now, will be looked for.
   * @returns false when we may not list it
   * @throws CtxsyncError not-writable
   */
  enter(path: BytePath, { fsPath }: Existing): boolean {
    try {
      this.#open(fsPath, path);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EACCES') return false;
      throw destinationError(error, 'list the folder', path);
    }
  }

  /** Nothing more is looked for: passes what is left, and closes all folders. */
  end(): void {
    while (this.#levels.length > 0) this.#leave();
  }

  /** Closes all folders. */
  close(): void {
    for (const { folder } of this.#levels.splice(0)) folder.close();
  }

  /** The folder, if it is there; those that are done with are left. */
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
    level.folder.close();
  }

  #pass(level: Level): void {
    this.#onPassed(joinPath(level.path, level.names[level.next]!));
    level.next += 1;
  }

  #openRoot(root: BytePath): void {
    try {
      this.#open(root, '');
    } catch (error) {
      throw destinationError(error, 'list the folder', root);
    }
  }

  /** @throws the system call's error */
  #open(fsPath: BytePath, path: BytePath): void {
    this.#gauge.enter('scanning', path);
    const parent = this.#levels.at(-1);
    const folder = new OpenFolder(fsPath);
    try {
      if (parent !== undefined) checkSame(parent);
      this.#levels.push({ path, folder, names: folder.names(), next: 0 });
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  #look(fsPath: BytePath, path: BytePath): BigIntStats | undefined {
    this.#gauge.enter('scanning', path);
    try {
      return lstatSync(toFsPath(fsPath), { bigint: true, throwIfNoEntry: false });
    } catch (error) {
      throw destinationError(error, 'look at', path);
    }
  }
}

/** Where children are reached by path, another folder may have taken its place. */
function checkSame({ folder, path }: Level): void {
  if (folder.verify()) return;
  const text = toText(path);
  throw new CtxsyncError(
    'not-writable',
    `${text === '' ? 'OUT' : text} was replaced while it was compared; send again when nothing changes it`,
    { path: text },
  );
}
