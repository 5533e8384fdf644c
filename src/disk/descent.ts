import { isBeneath, joinPath, type BytePath } from './byte-path.ts';
import type { Names } from './names.ts';
import { MAX_HELD_DIRECTORIES } from '../limits.ts';
import { replaced, type HeldDirectory } from './held-directory.ts';
import { isSameInode, type Inode } from './inode.ts';
import { errnoOf } from './errno.ts';

interface Level {
  name: BytePath;
  /** Relative to the root. */
  path: BytePath;
  /** Absent while it is closed because too many are open. */
  directory: HeldDirectory | undefined;
  /** Set when it is closed: it has to be the same when it is reopened. */
  identity: Inode | undefined;
}

/**
 * A chain of directories below a held root, which is the caller's to close; the last is the current one.
 * At most MAX_HELD_DIRECTORIES are open at a time, however long the chain is; one that was closed is
 * reopened from its parent, and refused if it was replaced.
 */
export class Descent {
  readonly #root: HeldDirectory;
  readonly #levels: Level[] = [];

  constructor(root: HeldDirectory) {
    this.#root = root;
  }

  get depth(): number {
    return this.#levels.length;
  }

  /**
   * The current directory.
   * @throws CtxsyncError not-writable, when it was closed and has been replaced
   */
  get directory(): HeldDirectory {
    const last = this.#levels.at(-1);
    if (last === undefined) return this.#root;
    if (last.directory === undefined) this.#reopen();
    return last.directory!;
  }

  /** Goes to the directory of this path below the root: first up, then down. */
  goTo(path: BytePath): void {
    while (this.#path !== path && !isBeneath(path, this.#path)) this.leave();
    const rest = this.#path === '' ? path : path.slice(this.#path.length + 1);
    for (const name of rest.split('/')) if (name !== '') this.enter(name);
  }

  /** @throws the system call's error; ENOTDIR or ELOOP when it is not a directory */
  enter(name: BytePath): HeldDirectory {
    const directory = this.directory.openChild(name);
    const path = joinPath(this.#path, name);
    this.#levels.push({ name, path, directory, identity: undefined });
    const outer = this.#levels.at(-1 - MAX_HELD_DIRECTORIES);
    if (outer !== undefined) closeLevel(outer);
    return directory;
  }

  /**
   * Enters a directory and lists it. Undefined on EACCES: then it was not entered.
   * @throws the system call's error
   */
  enterAndList(name: BytePath): Names | undefined {
    const { depth } = this;
    try {
      return this.enter(name).names();
    } catch (error) {
      if (this.depth > depth) this.leave();
      if (errnoOf(error) === 'EACCES') return undefined;
      throw error;
    }
  }

  /** Leaves the current directory, which the caller has to close. */
  leaveOpen(): HeldDirectory {
    const { directory } = this;
    this.#levels.pop();
    return directory;
  }

  /** @returns the name of the directory that was left */
  leave(): BytePath {
    const left = this.#levels.pop()!;
    left.directory?.close();
    return left.name;
  }

  close(): void {
    for (const { directory } of this.#levels.splice(0)) directory?.close();
  }

  get #path(): BytePath {
    return this.#levels.at(-1)?.path ?? '';
  }

  /** Keeps half of the allowed number open, so that leaving many levels reopens few. */
  #reopen(): void {
    const keepFrom = this.#levels.length - MAX_HELD_DIRECTORIES / 2;
    this.#levels.forEach((level, index) => {
      const above = this.#levels[index - 1];
      if (level.directory === undefined) {
        level.directory = (above?.directory ?? this.#root).openChild(level.name);
        checkSame(level);
      }
      if (above !== undefined && index <= keepFrom) closeLevel(above);
    });
  }
}

function closeLevel(level: Level): void {
  if (level.directory === undefined) return;
  level.identity = level.directory.identity;
  level.directory.close();
  level.directory = undefined;
}

function checkSame(level: Level): void {
  const { directory, identity } = level;
  if (directory === undefined || identity === undefined) return;
  if (isSameInode(directory.identity, identity)) return;
  directory.close();
  level.directory = undefined;
  throw replaced(directory.path);
}
