import { closeSync, constants, fchmodSync, futimesSync, writeSync } from 'node:fs';
import { isBeneath, joinPath, splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { metadataOf, type HeldDirectory, type Metadata } from '../disk/held-directory.ts';
import { toUtimesSeconds } from '../disk/mtime.ts';
import { errnoOf } from '../disk/errno.ts';
import { destinationError } from '../disk/system-error.ts';
import type { Content, Entry, EntrySink } from '../entry/entry.ts';
import { withoutContent } from '../entry/unpack.ts';
import { FilePool, type Step } from '../pool/file-pool.ts';
import { OK, type Slot } from '../pool/slot.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_HELD_DIRECTORIES, MAX_POOL_FILE_BYTES, MAX_WRITE_BYTES } from '../limits.ts';
import type { OmittedFiles } from './omitted-files.ts';

const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;

export interface StageWriterOptions {
  /** Provides the files whose content is not sent. */
  omittedFiles?: OmittedFiles | undefined;
  /** Names in OUT that other contexts become: refused here. */
  others?: readonly BytePath[];
  /** Writes small files. */
  pool?: FilePool;
}

/** A directory of the stage: the current one or an ancestor. */
interface Level {
  path: BytePath;
  /** Set when it is left: until then its mode is 0700. */
  metadata: Metadata;
}

/**
 * Builds checked entries in a stage, with few system calls each, in directories that are held open. It
 * holds only those that lead to the current entry, and no table of finished ones, so entries may come in
 * any order, and cost least in walk order.
 */
export class StageWriter implements EntrySink {
  readonly #tree: HeldDirectory;
  readonly #descent: Descent;
  readonly #levels: Level[] = [];
  /** Leads to the targets of hardlinks. */
  readonly #targets: Descent;
  readonly #umask: number;
  readonly #omittedFiles: OmittedFiles | undefined;
  readonly #others: readonly BytePath[];
  readonly #pool: FilePool;
  readonly #status: WorkerStatus;
  readonly #now = Date.now() / 1000;
  #root: Metadata | undefined;

  /**
   * @param tree closed by the caller
   * @param umask the permission bits that a new file never gets, whatever mode is requested
   */
  constructor(
    tree: HeldDirectory,
    umask: number,
    status: WorkerStatus,
    { omittedFiles, others = [], pool = new FilePool(status) }: StageWriterOptions = {},
  ) {
    this.#tree = tree;
    this.#descent = new Descent(tree);
    this.#targets = new Descent(tree);
    this.#umask = umask;
    this.#omittedFiles = omittedFiles;
    this.#others = others;
    this.#pool = pool;
    this.#status = status;
  }

  /**
   * @param again an entry of the same path and kind came before: this one replaces it
   * @throws CtxsyncError unsafe-entry, no-space, not-writable; naming the path
   */
  add(entry: Entry, content: Content, again: boolean): void {
    // Another context may be unchanged in OUT: then nothing in the stage would collide.
    if (this.#others.includes(entry.path)) throw collision(entry.path);
    const [parent, name] = splitPath(entry.path);
    if (name === '') return this.#addRoot(entry);
    // It may replace one that a pool thread still writes, or be a name of it.
    if (again || entry.kind === 'hardlink') this.#pool.settleAll();
    try {
      this.#goTo(parent);
      this.#status.enter('writing', entry.path);
      if (again && entry.kind !== 'directory') this.#directory.removeFile(name);
      this.#make(entry, name, content, again);
    } catch (error) {
      // What came before may have failed, too: then that is the first failure.
      this.#pool.settleAll();
      throw writeError(error, entry.path);
    }
  }

  /**
   * Mode and time of the context's own root, if they were sent. They are set on OUT after the commit: the
   * stage's root stays accessible for other contexts and for the commit.
   */
  get root(): Metadata | undefined {
    return this.#root;
  }

  /** Sets modes and times of the remaining directories, the deepest first. */
  end(): void {
    while (this.#levels.length > 0) this.#leave();
    this.#pool.settleAll();
  }

  /** Closes all directories, finished or not. */
  close(): void {
    this.#pool.close();
    this.#levels.length = 0;
    this.#descent.close();
    this.#targets.close();
  }

  get #directory(): HeldDirectory {
    return this.#descent.directory;
  }

  get #path(): BytePath {
    return this.#levels.at(-1)?.path ?? '';
  }

  #addRoot({ mode, mtimeUs }: Entry): void {
    this.#root = { mode, mtimeUs };
  }

  /** @param path of a directory that came before */
  #goTo(path: BytePath): void {
    while (this.#path !== path && !isBeneath(path, this.#path)) this.#leave();
    const from = this.#path === '' ? 0 : this.#path.length + 1;
    if (from > path.length) return;
    for (const name of path.slice(from).split('/')) if (name !== '') this.#enterAgain(name);
  }

  /** Enters a directory that was finished, or made by another stream of the transfer. */
  #enterAgain(name: BytePath): void {
    this.#pool.settleAll();
    const stats = this.#directory.look(name);
    const metadata = stats === undefined ? { mode: 0o700, mtimeUs: 0 } : metadataOf(stats);
    if ((metadata.mode & 0o700) !== 0o700) this.#directory.setChildMode(name, 0o700);
    this.#enter(name, metadata);
  }

  #enter(name: BytePath, metadata: Metadata): void {
    const path = joinPath(this.#path, name);
    // From here on the descent closes a directory far above, in which the pool may be working.
    if (this.#levels.length >= MAX_HELD_DIRECTORIES) this.#pool.settleAll();
    this.#descent.enter(name);
    this.#levels.push({ path, metadata });
  }

  /** It gets its mode and time, and is closed, when all that was to be written into it is. */
  #leave(): void {
    const { path, metadata } = this.#levels.pop()!;
    const directory = this.#descent.leaveOpen();
    const close = (): void => directory.close();
    const settle = (): void => {
      try {
        this.#status.enter('writing', path);
        directory.setMetadata(metadata);
      } catch (error) {
        throw destinationError(error, 'set mode and time of', path);
      } finally {
        close();
      }
    };
    this.#addStep({ settle, drop: close });
  }

  #addStep(step: Step): void {
    while (!this.#pool.hasRoom) this.#pool.settleFirst();
    this.#pool.add(step);
  }

  #make(entry: Entry, name: BytePath, content: Content, again: boolean): void {
    switch (entry.kind) {
      case 'directory':
        return this.#makeDirectory(entry, name, again);
      case 'symlink':
        return this.#makeSymlink(name, entry.link ?? '', entry.mtimeUs);
      case 'hardlink':
        return this.#makeHardlink(entry, name);
      case 'file':
        if (entry.contentOmitted === true) this.#provideFile(entry, name);
        else if (!this.#makeFileAhead(entry, content)) this.#makeFile(entry, name, content);
    }
  }

  #makeDirectory({ path, mode, mtimeUs }: Entry, name: BytePath, again: boolean): void {
    if (again) this.#directory.setChildMode(name, 0o700);
    else this.#directory.makeDirectory(name, 0o700);
    this.#omittedFiles?.enter(path);
    this.#enter(name, { mode, mtimeUs });
  }

  #makeSymlink(name: BytePath, text: BytePath, mtimeUs: number): void {
    this.#directory.makeSymlink(name, text);
    this.#directory.setChildTime(name, mtimeUs);
  }

  /** A symlink that cannot be hardlinked (macOS) is made again. */
  #makeHardlink({ link = '', mtimeUs }: Entry, name: BytePath): void {
    this.#withDirectoryOf(link, (from, target) => {
      try {
        from.link(target, this.#directory, name);
      } catch (error) {
        const isSymlink = from.look(target)?.isSymbolicLink() === true;
        if (!isSymlink || errnoOf(error) !== 'ENOTSUP') throw error;
        this.#makeSymlink(name, from.readLink(target), mtimeUs);
      }
    });
  }

  #withDirectoryOf(path: BytePath, use: (directory: HeldDirectory, name: BytePath) => void): void {
    const [parent, name] = splitPath(path);
    if (parent === this.#path) return use(this.#directory, name);
    try {
      this.#targets.goTo(parent);
    } catch (error) {
      if (errnoOf(error) !== 'EACCES') throw error;
      return this.#withClosed(parent === '' ? [] : parent.split('/'), (at) => use(at, name));
    }
    use(this.#targets.directory, name);
  }

  /** Finished directories may deny us access: they get mode 0700 while we pass through. */
  #withClosed(names: readonly BytePath[], use: (directory: HeldDirectory) => void): void {
    const way = new Descent(this.#tree);
    const passed = names.map((name) => {
      const before = way.directory.look(name);
      const mode = Number(before?.mode ?? 0) & 0o7777;
      if ((mode & 0o700) !== 0o700) way.directory.setChildMode(name, 0o700);
      way.enter(name);
      return mode;
    });
    try {
      use(way.directory);
      for (const mode of passed.toReversed()) {
        const name = way.leave();
        if ((mode & 0o700) !== 0o700) way.directory.setChildMode(name, mode);
      }
    } finally {
      way.close();
    }
  }

  /** Has the pool make a file. False: it cannot. */
  #makeFileAhead({ path, mode, mtimeUs, size }: Entry, content: Content): boolean {
    const pool = this.#pool;
    if (!pool.isOpen || size > MAX_POOL_FILE_BYTES || mtimeUs < 0) return false;
    if (!this.#directory.held) return false;
    while (!pool.hasRoom) pool.settleFirst();
    const slot = pool.slotFor('write', this.#directory.fd, path);
    if (slot === undefined) return false;
    takeContent(content, slot.room);
    slot.file = {
      length: size,
      mode,
      openMode: this.#openMode(mode),
      atimeSeconds: this.#now,
      mtimeSeconds: toUtimesSeconds(mtimeUs),
    };
    pool.add({ slot, settle: () => this.#settleFile(slot, path, size) });
    return true;
  }

  #settleFile(slot: Slot, path: BytePath, size: number): void {
    if (slot.outcome !== OK) throw writeError(slot.error, path);
    this.#status.addBytes(size);
  }

  /** With which a file is created: a mode that the umask would change is set later. */
  #openMode(mode: number): number {
    return (mode & ~0o777) === 0 && (mode & this.#umask) === 0 ? mode : 0o600;
  }

  #makeFile(entry: Entry, name: BytePath, content: Content): void {
    const openMode = this.#openMode(entry.mode);
    const begun = this.#pool.begin();
    const fd = this.#directory.openFile(name, NEW_FILE, openMode);
    this.#pool.ended(begun);
    try {
      this.#writeContent(fd, entry.path, content);
      if (entry.mode !== openMode) fchmodSync(fd, entry.mode);
      if (entry.mtimeUs >= 0) futimesSync(fd, this.#now, toUtimesSeconds(entry.mtimeUs));
    } finally {
      closeSync(fd);
    }
    if (entry.mtimeUs < 0) this.#directory.setChildTime(name, entry.mtimeUs);
  }

  #provideFile(entry: Entry, name: BytePath): void {
    if (this.#omittedFiles === undefined) throw withoutContent(entry.path);
    this.#omittedFiles.provide(entry, this.#directory, name);
  }

  #writeContent(fd: number, path: BytePath, content: Content): void {
    for (let bytes = content.content(); bytes.length > 0; bytes = content.content()) {
      this.#status.enter('writing', path);
      const count = writeSync(fd, bytes, 0, Math.min(bytes.length, MAX_WRITE_BYTES));
      content.consumed(count);
      this.#status.addBytes(count);
    }
  }
}

/** Takes all of the content. */
function takeContent(content: Content, room: Uint8Array): void {
  let at = 0;
  for (let bytes = content.content(); bytes.length > 0; bytes = content.content()) {
    room.set(bytes, at);
    at += bytes.length;
    content.consumed(bytes.length);
  }
}

function writeError(error: unknown, path: BytePath): CtxsyncError {
  if (errnoOf(error) === 'EEXIST') return collision(path);
  return destinationError(error, 'write', path);
}

/** A path comes once in a context, so it is another context's, or the disk is case-insensitive. */
function collision(path: BytePath): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError(
    'unsafe-entry',
    `refused ${text}: another context has it already, or this file system takes its name for the same as another`,
    { path: text },
  );
}
