import {
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readdirSync,
} from 'node:fs';
import { closeRead } from './close-read.ts';
import { joinPath, toFsPath, type BytePath } from './byte-path.ts';
import { LARGE_DIRECTORY_BYTES, LIST_BATCH } from '../limits.ts';
import { isSameInode, type Inode } from './inode.ts';
import { NO_FILES, PackedNames, type Listing, type Names } from './names.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_NONBLOCK } = constants;
export const PROC_FD = '/proc/self/fd';
let procFd: boolean | undefined;

/**
 * A directory held open, so that its children are reached through it and not through a path that may
 * meanwhile lead elsewhere: openat(2), which Node lacks, by way of Linux's /proc/self/fd. Without /proc
 * (macOS), children are reached by path, and `verify` checks that the path still leads to the directory
 * that was opened.
 */
export class OpenDirectory {
  /** For calls that need it; closed by this object. */
  readonly fd: number;
  readonly #prefix: BytePath;
  readonly #path: BytePath;
  /** Set only where children are reached by path. */
  readonly #identity: Inode | undefined;

  /**
   * @param path where to open it; its last component must not be a symlink
   * @throws the system call's error; ELOOP or ENOTDIR when it is not a directory (any more)
   */
  constructor(path: BytePath) {
    procFd ??= existsSync(PROC_FD);
    this.fd = openSync(toFsPath(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
    this.#path = path;
    this.#prefix = procFd ? `${PROC_FD}/${this.fd}` : path;
    try {
      this.#identity = procFd ? undefined : fstatSync(this.fd, { bigint: true });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Children are reached through the open directory itself: nothing has to be verified. */
  get held(): boolean {
    return this.#identity === undefined;
  }

  /** The path to pass to a system call for the child `name`. */
  child(name: BytePath): BytePath {
    return joinPath(this.#prefix, name);
  }

  /**
   * The children's names, sorted by their bytes.
   * @param onBatch called after each batch of a large directory: a million names take a second
   */
  names(onBatch: () => void = () => {}): Names {
    if (this.#isLarge) return this.#packedNames(onBatch);
    return readdirSync(toFsPath(this.child('.')), { encoding: 'latin1' }).toSorted();
  }

  /** The same, with the kinds that the directory itself has of its children, without looking at each. */
  listing(): Listing {
    if (this.#isLarge) return { names: this.#packedNames(() => {}), files: NO_FILES };
    try {
      const names: BytePath[] = [];
      const files = new Set<BytePath>();
      const options = { encoding: 'latin1', withFileTypes: true } as const;
      for (const entry of readdirSync(toFsPath(this.child('.')), options)) {
        names.push(entry.name);
        if (entry.isFile()) files.add(entry.name);
      }
      return { names: names.toSorted(), files };
    } catch {
      // Where a file system has no kinds there, Node looks at each child by its name, which it takes for UTF-8.
      return { names: this.names(), files: NO_FILES };
    }
  }

  /**
   * Whether children that were reached since are children of this directory. Always true where they are
   * reached through the open directory itself.
   */
  verify(): boolean {
    if (this.#identity === undefined) return true;
    try {
      return isSameInode(this.#identity, lstatSync(toFsPath(this.#path), { bigint: true }));
    } catch {
      return false;
    }
  }

  close(): void {
    closeRead(this.fd);
  }

  /** Its size grows with its entries on most file systems; on the others more memory is taken, and no more. */
  get #isLarge(): boolean {
    return fstatSync(this.fd).size >= LARGE_DIRECTORY_BYTES;
  }

  #packedNames(onBatch: () => void): PackedNames {
    const options = { encoding: 'latin1', bufferSize: LIST_BATCH } as const;
    const directory = opendirSync(toFsPath(this.child('.')), options);
    const names = new PackedNames();
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        names.add(entry.name);
        if (names.length % LIST_BATCH === 0) onBatch();
      }
    } finally {
      directory.closeSync();
    }
    names.sort();
    return names;
  }
}
