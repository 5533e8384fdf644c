import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { joinPath, toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { setNegativeMtime, toUtimesSeconds } from '../disk/mtime.ts';
import { destinationError, errnoOf, sourceChanged } from '../disk/system-error.ts';
import type { Content, Entry, EntrySink } from '../entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_WRITE_BYTES } from '../limits.ts';
import { Remains } from './remains.ts';
import { setFolderMetadata, type FolderMetadata } from './folder-metadata.ts';

const OPEN_FLAGS = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

export interface StageWriterOptions {
  /** Where files are whose content is kept, and does not travel. */
  remains?: Remains;
  /** Names in OUT that other contexts become: nothing else may. */
  others?: readonly BytePath[];
}

/**
 * Builds checked entries in a stage, in few system calls each. The stage is a fresh folder that only
 * we can enter, and the entries' paths were validated: plain paths are safe here.
 */
export class StageWriter implements EntrySink {
  readonly #tree: BytePath;
  readonly #umask: number;
  readonly #remains: Remains;
  readonly #others: readonly BytePath[];
  readonly #gauge: Gauge;
  /** Folders stay open for us (0700) until all their children are there. */
  readonly #folders = new Map<BytePath, FolderMetadata>();
  readonly #now = Date.now() / 1000;
  #root: FolderMetadata | undefined;

  /**
   * @param umask the permission bits that a new file does not get, whatever is asked for
   */
  constructor(
    tree: BytePath,
    umask: number,
    gauge: Gauge,
    { remains = new Remains([], gauge), others = [] }: StageWriterOptions = {},
  ) {
    this.#tree = tree;
    this.#umask = umask;
    this.#remains = remains;
    this.#others = others;
    this.#gauge = gauge;
  }

  /**
   * @param again an entry of the same path and kind came before: this one takes its place
   * @throws CtxsyncError unsafe-entry, no-space, not-writable; naming the path
   */
  add(entry: Entry, content: Content, again: boolean): void {
    const path = joinPath(this.#tree, entry.path);
    this.#gauge.enter('writing', entry.path);
    // Of the other one OUT may have all but what it changes: then nothing of it is in the stage.
    if (this.#others.includes(entry.path)) throw collision(entry.path);
    try {
      if (again && entry.kind !== 'folder') unlinkSync(toFsPath(path));
      this.#make(entry, path, content, again);
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') throw collision(entry.path);
      throw destinationError(error, 'write', entry.path);
    }
  }

  /**
   * Mode and time of the context's own root, if they came. They are for OUT, after the commit: the
   * stage's root stays open, for other contexts to be built in it, and for the commit.
   */
  get root(): FolderMetadata | undefined {
    return this.#root;
  }

  /** Gives the folders their modes and times, the deepest first. */
  end(): void {
    for (const [path, metadata] of [...this.#folders].toReversed()) {
      this.#gauge.enter('writing', path);
      try {
        setFolderMetadata(joinPath(this.#tree, path), metadata);
      } catch (error) {
        throw destinationError(error, 'set mode and time of', path);
      }
    }
  }

  #make(entry: Entry, path: BytePath, content: Content, again: boolean): void {
    switch (entry.kind) {
      case 'folder':
        this.#makeFolder(entry, path, again);
        return;
      case 'symlink':
        symlinkSync(toFsPath(entry.link ?? ''), toFsPath(path));
        this.#setLinkTime(entry, path);
        return;
      case 'hardlink':
        linkSync(toFsPath(joinPath(this.#tree, entry.link ?? '')), toFsPath(path));
        return;
      case 'file':
        if (entry.kept === undefined) this.#makeFile(entry, path, content);
        else this.#adoptFile(entry, path, entry.kept);
    }
  }

  #makeFolder({ path: relative, mode, mtimeUs }: Entry, path: BytePath, again: boolean): void {
    if (relative === '') {
      this.#root = { mode, mtimeUs };
      return;
    }
    if (!again) mkdirSync(toFsPath(path), 0o700);
    this.#remains.enter(relative);
    this.#folders.set(relative, { mode, mtimeUs });
  }

  #makeFile(entry: Entry, path: BytePath, content: Content): void {
    const exact = (entry.mode & ~0o777) === 0 && (entry.mode & this.#umask) === 0;
    const fd = openSync(toFsPath(path), OPEN_FLAGS, exact ? entry.mode : 0o600);
    try {
      this.#writeContent(fd, entry.path, content);
      if (!exact) fchmodSync(fd, entry.mode);
      if (entry.mtimeUs >= 0) futimesSync(fd, this.#now, toUtimesSeconds(entry.mtimeUs));
    } finally {
      closeSync(fd);
    }
    if (entry.mtimeUs < 0) setNegativeMtime(toFsPath(path), entry.mtimeUs);
  }

  /** Its content was found to be in the remains, and proven to be the same. */
  #adoptFile({ path: relative, mode, mtimeUs }: Entry, path: BytePath, size: number): void {
    const found = this.#remains.find(relative, size, mtimeUs);
    // It was there when the two were compared, with the time that the source had then.
    if (found === undefined) throw sourceChanged(relative, 'was written to');
    renameSync(toFsPath(found.fsPath), toFsPath(path));
    chmodSync(toFsPath(path), mode);
  }

  #writeContent(fd: number, path: BytePath, content: Content): void {
    for (let bytes = content.content(); bytes.length > 0; bytes = content.content()) {
      this.#gauge.enter('writing', path);
      const count = writeSync(fd, bytes, 0, Math.min(bytes.length, MAX_WRITE_BYTES));
      content.consumed(count);
      this.#gauge.addBytes(count);
    }
  }

  #setLinkTime(entry: Entry, path: BytePath): void {
    if (entry.mtimeUs < 0) return setNegativeMtime(toFsPath(path), entry.mtimeUs);
    lutimesSync(toFsPath(path), this.#now, toUtimesSeconds(entry.mtimeUs));
  }
}

/** In its own context a path comes once, so it is another's, or a disk without upper and lower case. */
function collision(path: BytePath): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError(
    'unsafe-entry',
    `refused ${text}: another context, or a name that this disk takes for the same, has it already`,
    { path: text },
  );
}
