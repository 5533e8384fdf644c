import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  type BigIntStats,
} from 'node:fs';
import { CtxsyncError } from '../errors.ts';
import { joinPath, toFsPath, toText, type BytePath } from './byte-path.ts';
import { isSameInode, type Inode } from './inode.ts';
import { setNegativeMtime, toMicroseconds, toUtimesSeconds } from './mtime.ts';
import type { Names } from './names.ts';
import { OpenDirectory, PROC_FD } from './open-directory.ts';
import { errnoOf } from './errno.ts';

/** Mode and time of an entry; set last on a directory, when nothing in it changes any more. */
export interface Metadata {
  mode: number;
  mtimeUs: number;
}

/** Linux's O_PATH, which Node does not define: holds an entry, whatever its mode, without opening it. */
const O_PATH = 0o10000000;

export function metadataOf(stats: BigIntStats): Metadata {
  return { mode: Number(stats.mode) & 0o7777, mtimeUs: toMicroseconds(stats.mtimeNs) };
}

/**
 * A directory held open, and the calls that change it: each takes the name of one child, follows no
 * symlink, and reaches nothing else, even if the directory is replaced meanwhile. Without /proc its
 * identity is checked before and after each call.
 *
 * All throw the system call's error, and CtxsyncError not-writable when the directory was replaced.
 */
export class HeldDirectory {
  /** For messages. */
  readonly path: BytePath;
  readonly #directory: OpenDirectory;
  #identity: Inode | undefined;

  /**
   * @param fsPath where to open it; its last component must not be a symlink
   * @param path for messages
   */
  static open(fsPath: BytePath, path: BytePath): HeldDirectory {
    return new HeldDirectory(new OpenDirectory(fsPath), path);
  }

  private constructor(directory: OpenDirectory, path: BytePath) {
    this.#directory = directory;
    this.path = path;
  }

  get fd(): number {
    return this.#directory.fd;
  }

  /** Its children are reached through `fd`: by other threads of this process, too. */
  get held(): boolean {
    return this.#directory.held;
  }

  get identity(): Inode {
    this.#identity ??= fstatSync(this.fd, { bigint: true });
    return this.#identity;
  }

  close(): void {
    this.#directory.close();
  }

  openChild(name: BytePath): HeldDirectory {
    const path = joinPath(this.path, name);
    return this.#guard(() => HeldDirectory.open(this.#directory.child(name), path), closeIt);
  }

  /** The children's names, sorted by their bytes. @param onBatch called after each batch of very many */
  names(onBatch?: () => void): Names {
    return this.#guard(() => this.#directory.names(onBatch));
  }

  look(name: BytePath): BigIntStats | undefined {
    return this.#guard(() => lstatSync(this.#at(name), { bigint: true, throwIfNoEntry: false }));
  }

  readLink(name: BytePath): BytePath {
    return this.#guard(() => readlinkSync(this.#at(name), 'latin1'));
  }

  /** Opens a file. O_NONBLOCK: a FIFO that replaced it meanwhile must not block us. */
  openFile(name: BytePath, flags: number, mode?: number): number {
    const all = flags | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    return this.#guard(() => openSync(this.#at(name), all, mode), closeSync);
  }

  makeDirectory(name: BytePath, mode: number): void {
    this.#guard(() => mkdirSync(this.#at(name), mode));
  }

  setChildOwner(name: BytePath, uid: number, gid: number): void {
    this.#guard(() => lchownSync(this.#at(name), uid, gid));
  }

  removeDirectory(name: BytePath): void {
    this.#guard(() => rmdirSync(this.#at(name)));
  }

  /** Removes anything but a directory; a missing entry is no error. */
  removeFile(name: BytePath): void {
    try {
      this.#guard(() => unlinkSync(this.#at(name)));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  makeSymlink(name: BytePath, text: BytePath): void {
    this.#guard(() => symlinkSync(toFsPath(text), this.#at(name)));
  }

  rename(name: BytePath, to: HeldDirectory, newName: BytePath): void {
    this.#guard(() => to.#guard(() => renameSync(this.#at(name), to.#at(newName))));
  }

  /**
   * Gives a file or a symlink another name. macOS follows a symlink here: then the new name is removed,
   * and ENOTSUP thrown.
   */
  link(name: BytePath, to: HeldDirectory, newName: BytePath): void {
    this.#guard(() => to.#guard(() => linkSync(this.#at(name), to.#at(newName))));
    if (process.platform === 'linux') return;
    const [before, after] = [this.look(name), to.look(newName)];
    if (before !== undefined && after !== undefined && isSameInode(before, after)) return;
    to.removeFile(newName);
    throw Object.assign(new Error('a symlink was followed'), { code: 'ENOTSUP' });
  }

  /** Its own mode and time. */
  metadata(): Metadata {
    return metadataOf(fstatSync(this.fd, { bigint: true }));
  }

  setMetadata({ mode, mtimeUs }: Metadata): void {
    const seconds = toUtimesSeconds(mtimeUs);
    if (mtimeUs >= 0) futimesSync(this.fd, seconds, seconds);
    else this.#guard(() => setNegativeMtime(this.#at('.'), mtimeUs));
    fchmodSync(this.fd, mode);
  }

  setChildMetadata(name: BytePath, { mode, mtimeUs }: Metadata): void {
    this.setChildTime(name, mtimeUs);
    this.setChildMode(name, mode);
  }

  setChildTime(name: BytePath, mtimeUs: number): void {
    const seconds = toUtimesSeconds(mtimeUs);
    this.#guard(() => {
      if (mtimeUs < 0) setNegativeMtime(this.#at(name), mtimeUs);
      else lutimesSync(this.#at(name), seconds, seconds);
    });
  }

  /** chmod(2) follows symlinks, so the entry is held first. */
  setChildMode(name: BytePath, mode: number): void {
    if (!this.#directory.held) return this.#setModeByPath(name, mode);
    const fd = openSync(this.#at(name), O_PATH | constants.O_NOFOLLOW);
    try {
      if (fstatSync(fd).isSymbolicLink()) throw replaced(joinPath(this.path, name));
      chmodSync(`${PROC_FD}/${fd}`, mode);
    } finally {
      closeSync(fd);
    }
  }

  /** Whether something is mounted on this child, by Linux's mount IDs. */
  isMountPoint(name: BytePath): boolean {
    const fd = openSync(this.#at(name), O_PATH | constants.O_NOFOLLOW);
    try {
      return mountOf(fd) !== mountOf(this.fd);
    } finally {
      closeSync(fd);
    }
  }

  /** The child's path, for a call that follows no symlink; valid until this is closed. */
  child(name: BytePath): BytePath {
    return this.#directory.child(name);
  }

  #setModeByPath(name: BytePath, mode: number): void {
    const before = this.look(name);
    if (before === undefined || before.isSymbolicLink()) {
      throw replaced(joinPath(this.path, name));
    }
    this.#guard(() => chmodSync(this.#at(name), mode));
    const after = this.look(name);
    if (after === undefined || !isSameInode(before, after)) {
      throw replaced(joinPath(this.path, name));
    }
  }

  #at(name: BytePath): string | Buffer {
    return toFsPath(this.#directory.child(name));
  }

  /** @param takeBack undoes the call, when it may have acted elsewhere */
  #guard<T>(call: () => T, takeBack?: (made: T) => void): T {
    if (this.#directory.held) return call();
    if (!this.#directory.verify()) throw replaced(this.path);
    const made = call();
    if (this.#directory.verify()) return made;
    takeBack?.(made);
    throw replaced(this.path);
  }
}

/** The directory that we worked in was replaced. */
export function replaced(path: BytePath): CtxsyncError {
  const text = path === '' ? 'OUT' : toText(path);
  const message = `${text} was replaced while ctxsync was using it; send again when nothing else changes it`;
  return new CtxsyncError('not-writable', message, { path: text });
}

function mountOf(fd: number): string {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  return /^mnt_id:\s*(\d+)/m.exec(info)?.[1] ?? '';
}

function closeIt(directory: HeldDirectory): void {
  directory.close();
}
