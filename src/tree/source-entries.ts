import { fstatSync, type BigIntStats } from 'node:fs';
import { toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import { closeRead } from '../disk/close-read.ts';
import type { EntryStats } from '../disk/entry-stats.ts';
import { isSameInode, type Inode } from '../disk/inode.ts';
import { kindOf } from '../disk/kind-of.ts';
import { isBeyondMicroseconds, toMicroseconds } from '../disk/mtime.ts';
import { OpenDirectory } from '../disk/open-directory.ts';
import { openFile } from '../disk/open-file.ts';
import { readLink } from '../disk/read-link.ts';
import { statSource } from '../disk/stat-source.ts';
import { sourceChanged, sourceError } from '../disk/system-error.ts';
import { MODE_BITS, SETUID_BITS, type FileIdentity, type SourceEntry } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_PATH_BYTES } from '../limits.ts';
import { HardlinkGroups } from './hardlink-groups.ts';
import type { FilePool } from '../pool/file-pool.ts';
import type { LostAttributes } from './lost-attributes.ts';

const EXECUTE_BITS = 0o111;

export interface SourceEntryOptions {
  /** An entry that is not sent because of its type (FIFO, socket, device). */
  onSkipped: (path: BytePath, reason: string) => void;
  /** An entry that is sent without one of its attributes (setuid). */
  onChanged: (path: BytePath, reason: string) => void;
  /** Each entry that is sent, in order. */
  onTravels?: ((entry: SourceEntry) => void) | undefined;
  /** Looks for losses that the mode does not show; absent if nothing is reported. */
  attributes?: LostAttributes | undefined;
}

/** An entry found on the disk; the walk decides whether it is sent. */
export interface FoundEntry extends SourceEntry {
  /** What is lost when it is sent, human-readable; undefined if nothing is. */
  lost: string | undefined;
  /** For a file or symlink with several names: what was seen of it. */
  stats?: EntryStats | undefined;
}

/** Creates entries from the disk for one walk; remembers files with several names. */
export class SourceEntries {
  readonly #options: SourceEntryOptions;
  readonly #pool: FilePool;
  readonly #hardlinks = new HardlinkGroups();

  /** @param pool learns how long calls take; see ahead() */
  constructor(options: SourceEntryOptions, pool: FilePool) {
    this.#options = options;
    this.#pool = pool;
  }

  /**
   * @param was the inode that the root must be
   * @throws CtxsyncError source-unreadable, source-changed
   */
  root(directory: OpenDirectory, path: BytePath, was: Inode | undefined): SourceEntry {
    const fsPath = directory.child('.');
    const stats = statSource(toFsPath(fsPath), path);
    if (was !== undefined && !isSameInode(was, stats)) throw sourceChanged('', 'was replaced');
    return this.travels(this.#entry('', 'directory', stats, fsPath));
  }

  /**
   * The entry as it is sent, now that its turn has come: another name of a file or symlink that came before is a
   * hardlink. Reports what is lost.
   * @throws CtxsyncError source-changed, over-limit
   */
  travels(found: FoundEntry): SourceEntry {
    const entry = found.linked === true ? this.#named(found) : found;
    const { attributes, onChanged, onTravels } = this.#options;
    onTravels?.(entry);
    if (attributes !== undefined && entry.kind === 'file' && (entry.mode & EXECUTE_BITS) !== 0) {
      attributes.add(entry.path, entry.lost);
    } else if (entry.lost !== undefined) onChanged(entry.path, entry.lost);
    return entry;
  }

  /**
   * The entry for a child, or undefined if it cannot be sent. To open a file at once is one call fewer by its
   * path than to look at it and open it later: half of what a slow disk takes for a small file.
   *
   * @param ignored return only a directory, and undefined if stat fails
   * @param opens open it, if it is a file as expected; closeOpened() closes it
   * @throws CtxsyncError source-unreadable, source-changed, over-limit
   */
  child(
    directory: OpenDirectory,
    path: BytePath,
    name: BytePath,
    { ignored, opens }: { ignored: boolean; opens: boolean },
  ): FoundEntry | undefined {
    const opened = opens ? this.#opened(directory, path, name) : undefined;
    return opened ?? this.#found(directory, path, name, ignored);
  }

  #found(
    directory: OpenDirectory,
    path: BytePath,
    name: BytePath,
    ignored: boolean,
  ): FoundEntry | undefined {
    const fsPath = directory.child(name);
    let stats: BigIntStats;
    try {
      const begun = this.#pool.begin();
      stats = statSource(toFsPath(fsPath), path);
      this.#pool.ended(begun);
    } catch (error) {
      if (ignored) return undefined;
      throw error;
    }
    if (ignored && !stats.isDirectory()) return undefined;
    if (!directory.verify()) throw sourceChanged(path, 'was replaced');
    if (path.length > MAX_PATH_BYTES && !ignored) throw tooLong(path);
    if (stats.isDirectory()) return this.#entry(path, 'directory', stats, fsPath);
    if (stats.isFile() || stats.isSymbolicLink()) return this.#linkable(path, stats, fsPath);
    this.#options.onSkipped(path, kindOf(stats));
    return undefined;
  }

  /** @returns undefined when it is not a file that can be opened: #found() finds out what it is */
  #opened(directory: OpenDirectory, path: BytePath, name: BytePath): FoundEntry | undefined {
    const fsPath = directory.child(name);
    let fd: number | undefined;
    try {
      const begun = this.#pool.begin();
      fd = openFile(toFsPath(fsPath));
      this.#pool.ended(begun);
      const stats = fstatSync(fd, { bigint: true });
      if (!stats.isFile() || !directory.verify() || path.length > MAX_PATH_BYTES) return undefined;
      const opened = this.#linkable(path, stats, fsPath, fd);
      fd = undefined;
      return opened;
    } catch (error) {
      if (error instanceof CtxsyncError) throw error;
      return undefined;
    } finally {
      if (fd !== undefined) closeRead(fd);
    }
  }

  /**
   * The entry for a file that the pool has looked at or read.
   * @param content if it was read
   */
  ahead(
    directory: OpenDirectory,
    path: BytePath,
    name: BytePath,
    stats: EntryStats,
    content: Uint8Array | undefined,
  ): FoundEntry {
    return this.#linkable(path, stats, directory.child(name), undefined, content);
  }

  /** A file or symlink, which may have several names. */
  #linkable(
    path: BytePath,
    stats: EntryStats,
    fsPath: BytePath,
    fd?: number,
    content?: Uint8Array,
  ): FoundEntry {
    const isFile = stats.isFile();
    const entry = this.#entry(path, isFile ? 'file' : 'symlink', stats, fsPath);
    if (isFile) {
      entry.size = Number(stats.size);
      entry.fd = fd;
      entry.content = content;
    } else entry.link = linkText(fsPath, path, stats);
    if (stats.nlink > 1n) {
      entry.linked = true;
      entry.stats = stats;
    }
    return entry;
  }

  #named(entry: FoundEntry): FoundEntry {
    const link = this.#firstName(entry, entry.stats!);
    if (link === undefined) return entry;
    closeOpened(entry);
    const { path, mode, mtimeUs, fsPath, identity, lost } = entry;
    return { path, kind: 'hardlink', mode, mtimeUs, size: 0, link, fsPath, identity, lost };
  }

  #firstName(entry: SourceEntry, stats: EntryStats): BytePath | undefined {
    try {
      return this.#hardlinks.firstName(stats, entry.path);
    } catch (error) {
      closeOpened(entry);
      throw error;
    }
  }

  /** All entries have the same fields, so that the code that reads them is compiled for one kind of object. */
  #entry(
    path: BytePath,
    kind: SourceEntry['kind'],
    stats: EntryStats,
    fsPath: BytePath,
  ): FoundEntry {
    const mode = Number(stats.mode);
    return {
      path,
      kind,
      mode: mode & MODE_BITS,
      mtimeUs: toMicroseconds(stats.mtimeNs),
      size: 0,
      link: undefined,
      linked: undefined,
      fsPath: toFsPath(fsPath),
      identity: stats,
      fd: undefined,
      content: undefined,
      lost: lostOf(mode, stats.mtimeNs),
      stats: undefined,
    };
  }
}

/** Closes the file of an entry, if child() opened it. */
export function closeOpened({ fd }: SourceEntry): void {
  if (fd !== undefined) closeRead(fd);
}

/** @throws CtxsyncError source-unreadable, source-changed */
export function openSource(fsPath: BytePath, path: BytePath): OpenDirectory {
  try {
    return new OpenDirectory(fsPath);
  } catch (error) {
    throw sourceError(error, 'open the directory', path);
  }
}

/**
 * Opens a child directory. It may have been replaced since its entry was created, and so may its parent
 * where children are reached by path.
 * @throws CtxsyncError source-unreadable, source-changed
 */
export function openChild(
  parent: OpenDirectory,
  name: BytePath,
  { path, identity }: SourceEntry,
): OpenDirectory {
  const directory = openSource(parent.child(name), path);
  try {
    const opened = statOpen(directory, path);
    if (!parent.verify() || !isSameDirectory(identity, opened)) {
      throw sourceChanged(path, 'was replaced');
    }
    return directory;
  } catch (error) {
    directory.close();
    throw error;
  }
}

function statOpen({ fd }: OpenDirectory, path: BytePath): EntryStats {
  try {
    return fstatSync(fd, { bigint: true });
  } catch (error) {
    throw sourceError(error, 'look at', path);
  }
}

/** Opening an automount point mounts a file system there: then the device differs. */
function isSameDirectory(listed: FileIdentity, opened: FileIdentity): boolean {
  return listed.dev !== opened.dev || listed.ino === opened.ino;
}

/** The text of a symlink, checked to be still the one that `stats` describes. */
function linkText(fsPath: BytePath, path: BytePath, stats: EntryStats): BytePath {
  const text = readLink(fsPath, path, sourceError);
  const now = statSource(toFsPath(fsPath), path);
  if (isSameInode(now, stats) && now.mtimeNs === stats.mtimeNs) return text;
  throw sourceChanged(path, 'was replaced');
}

function lostOf(mode: number, mtimeNs: bigint): string | undefined {
  const losses: string[] = [];
  if ((mode & SETUID_BITS) !== 0) losses.push('setuid and setgid are dropped');
  if (isBeyondMicroseconds(mtimeNs)) losses.push('its mtime is cut to microseconds');
  return losses.length > 0 ? losses.join('; ') : undefined;
}

function tooLong(path: BytePath): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError(
    'over-limit',
    `the path has ${path.length} bytes; the limit is ${MAX_PATH_BYTES}: ${text}`,
    { path: text },
  );
}
