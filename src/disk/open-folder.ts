import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
} from 'node:fs';
import { joinPath, toFsPath, type BytePath } from './byte-path.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_NONBLOCK } = constants;
const PROC_FD = '/proc/self/fd';
let procFd: boolean | undefined;

/**
 * A folder held open, so that its children are reached through it and not through a path that may
 * meanwhile lead elsewhere: openat(2), which Node lacks, by way of Linux's /proc/self/fd. Where
 * there is no /proc (macOS), children are reached by path and `verify` looks again whether the path
 * still leads to the folder that was opened.
 */
export class OpenFolder {
  readonly #fd: number;
  readonly #prefix: BytePath;
  readonly #path: BytePath;
  readonly #identity: { dev: bigint; ino: bigint };

  /**
   * @param path where to open it; its last component must not be a symlink
   * @throws the system call's error; ELOOP or ENOTDIR when it is not a folder (any more)
   */
  constructor(path: BytePath) {
    procFd ??= existsSync(PROC_FD);
    this.#fd = openSync(toFsPath(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
    this.#path = path;
    this.#prefix = procFd ? `${PROC_FD}/${this.#fd}` : path;
    const { dev, ino } = fstatSync(this.#fd, { bigint: true });
    this.#identity = { dev, ino };
  }

  /** The path to hand to a system call for the child `name`. */
  child(name: BytePath): BytePath {
    return joinPath(this.#prefix, name);
  }

  /** The children's names, sorted by their bytes. */
  names(): BytePath[] {
    return readdirSync(toFsPath(this.child('.')), { encoding: 'latin1' }).toSorted();
  }

  /**
   * Whether children that were reached since are children of this folder. Always so where they are
   * reached through the open folder itself.
   */
  verify(): boolean {
    if (procFd) return true;
    const now = lstatSync(toFsPath(this.#path), { bigint: true, throwIfNoEntry: false });
    return now?.dev === this.#identity.dev && now.ino === this.#identity.ino;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
