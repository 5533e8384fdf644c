import type { BigIntStats } from 'node:fs';
import { toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import { isSameInode, type Inode } from '../disk/inode.ts';
import { kindOf } from '../disk/kind-of.ts';
import { isBeyondMicroseconds, toMicroseconds } from '../disk/mtime.ts';
import { OpenDirectory } from '../disk/open-directory.ts';
import { readLink } from '../disk/read-link.ts';
import { statSource } from '../disk/stat-source.ts';
import { sourceChanged, sourceError } from '../disk/system-error.ts';
import { MODE_BITS, SETUID_BITS, type FileIdentity, type SourceEntry } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_PATH_BYTES } from '../limits.ts';
import { HardlinkGroups } from './hardlink-groups.ts';
import type { LostAttributes } from './lost-attributes.ts';

const EXECUTE_BITS = 0o111;

export interface SourceEntryOptions {
  /** An entry that does not travel because of what it is (FIFO, socket, device). */
  onSkipped: (path: BytePath, reason: string) => void;
  /** An entry that travels without something it has (setuid). */
  onAltered: (path: BytePath, reason: string) => void;
  /** Looks for what the mode does not show; absent where nothing is reported. */
  attributes?: LostAttributes | undefined;
}

/** An entry that was found, and travels only if the walk says so. */
export interface FoundEntry extends SourceEntry {
  /** What it travels without, for people; undefined: nothing. */
  lost: string | undefined;
}

/** Makes entries of what is on the disk, for one walk: it remembers which files were met before. */
export class SourceEntries {
  readonly #options: SourceEntryOptions;
  readonly #hardlinks = new HardlinkGroups();

  constructor(options: SourceEntryOptions) {
    this.#options = options;
  }

  /**
   * @param was what it has to be
   * @throws CtxsyncError source-unreadable, source-changed
   */
  root(directory: OpenDirectory, path: BytePath, was: Inode | undefined): SourceEntry {
    const fsPath = directory.child('.');
    const stats = statSource(toFsPath(fsPath), path);
    if (was !== undefined && !isSameInode(was, stats)) throw sourceChanged('', 'was replaced');
    return this.travels(this.#entry('', 'directory', stats, fsPath));
  }

  /** This entry travels: tells what it does so without. */
  travels(entry: FoundEntry): SourceEntry {
    const { attributes, onAltered } = this.#options;
    if (attributes !== undefined && entry.kind === 'file' && (entry.mode & EXECUTE_BITS) !== 0) {
      attributes.add(entry.path, entry.lost);
    } else if (entry.lost !== undefined) onAltered(entry.path, entry.lost);
    return entry;
  }

  /**
   * The entry for a child, or undefined when it cannot travel.
   * @param ignored only directories travel, and nothing that goes wrong counts
   * @throws CtxsyncError source-unreadable, source-changed, over-limit
   */
  child(
    directory: OpenDirectory,
    path: BytePath,
    name: BytePath,
    ignored: boolean,
  ): FoundEntry | undefined {
    const fsPath = directory.child(name);
    let stats: BigIntStats;
    try {
      stats = statSource(toFsPath(fsPath), path);
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

  /** What may have several names. */
  #linkable(path: BytePath, stats: BigIntStats, fsPath: BytePath): FoundEntry {
    const linked = stats.nlink > 1n;
    const first = linked ? this.#hardlinks.firstName(stats, path) : undefined;
    if (first !== undefined) {
      return { ...this.#entry(path, 'hardlink', stats, fsPath), link: first };
    }
    const entry = stats.isFile()
      ? { ...this.#entry(path, 'file', stats, fsPath), size: Number(stats.size) }
      : { ...this.#entry(path, 'symlink', stats, fsPath), link: linkText(fsPath, path, stats) };
    return linked ? { ...entry, linked } : entry;
  }

  #entry(
    path: BytePath,
    kind: SourceEntry['kind'],
    stats: BigIntStats,
    fsPath: BytePath,
  ): FoundEntry {
    const mode = Number(stats.mode);
    return {
      path,
      kind,
      mode: mode & MODE_BITS,
      mtimeUs: toMicroseconds(stats.mtimeNs),
      size: 0,
      fsPath: toFsPath(fsPath),
      identity: stats,
      lost: lostOf(mode, stats.mtimeNs),
    };
  }
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
 * Opens a directory in another. Its entry travelled when it was looked at; what is opened now may be
 * another directory, and where children are reached by path, so may its parent be.
 * @throws CtxsyncError source-unreadable, source-changed
 */
export function openChild(
  parent: OpenDirectory,
  name: BytePath,
  { path, identity }: SourceEntry,
): OpenDirectory {
  const directory = openSource(parent.child(name), path);
  try {
    const opened = statSource(toFsPath(directory.child('.')), path);
    if (!parent.verify() || !isSameDirectory(identity, opened)) {
      throw sourceChanged(path, 'was replaced');
    }
    return directory;
  } catch (error) {
    directory.close();
    throw error;
  }
}

/** To open an automount point mounts what belongs there: then the device is another one. */
function isSameDirectory(listed: FileIdentity, opened: FileIdentity): boolean {
  return listed.dev !== opened.dev || listed.ino === opened.ino;
}

/** A symlink's text, of the symlink that was looked at. */
function linkText(fsPath: BytePath, path: BytePath, stats: BigIntStats): BytePath {
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
    `the path has ${path.length} bytes, ${MAX_PATH_BYTES} are possible: ${text}`,
    { path: text },
  );
}
