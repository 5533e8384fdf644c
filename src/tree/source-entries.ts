import type { BigIntStats } from 'node:fs';
import { toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import { isBeyondMicroseconds, toMicroseconds } from '../disk/mtime.ts';
import { OpenFolder } from '../disk/open-folder.ts';
import { readLink } from '../disk/read-link.ts';
import { statSource } from '../disk/stat-source.ts';
import { sourceChanged, sourceError } from '../disk/system-error.ts';
import { MODE_BITS, SETUID_BITS, type SourceEntry } from '../entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_PATH_BYTES } from '../limits.ts';
import { HardlinkGroups } from './hardlink-groups.ts';

export interface SourceEntryOptions {
  /** An entry that does not travel because of what it is (FIFO, socket, device). */
  onSkipped: (path: BytePath, reason: string) => void;
  /** An entry that travels without something it has (setuid). */
  onChanged: (path: BytePath, reason: string) => void;
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

  /** @throws CtxsyncError source-unreadable, source-changed */
  root(folder: OpenFolder, path: BytePath): SourceEntry {
    const fsPath = folder.child('.');
    const stats = statSource(toFsPath(fsPath), path);
    return this.travels(this.#entry('', 'folder', stats, fsPath));
  }

  /** This entry travels: tells what it does so without. */
  travels(entry: FoundEntry): SourceEntry {
    if (entry.lost !== undefined) this.#options.onChanged(entry.path, entry.lost);
    return entry;
  }

  /**
   * The entry for a child, or undefined when it cannot travel.
   * @param ignored only folders travel, and nothing that goes wrong counts
   * @throws CtxsyncError source-unreadable, source-changed, over-limit
   */
  child(
    folder: OpenFolder,
    path: BytePath,
    name: BytePath,
    ignored: boolean,
  ): FoundEntry | undefined {
    const fsPath = folder.child(name);
    let stats: BigIntStats;
    try {
      stats = statSource(toFsPath(fsPath), path);
    } catch (error) {
      if (ignored) return undefined;
      throw error;
    }
    if (ignored && !stats.isDirectory()) return undefined;
    if (!folder.verify()) throw sourceChanged(path, 'was replaced');
    if (path.length > MAX_PATH_BYTES && !ignored) throw tooLong(path);
    if (stats.isDirectory()) return this.#entry(path, 'folder', stats, fsPath);
    if (stats.isFile()) return this.#file(path, stats, fsPath);
    if (stats.isSymbolicLink()) {
      const link = readLink(fsPath, path, sourceError);
      return { ...this.#entry(path, 'symlink', stats, fsPath), link };
    }
    this.#options.onSkipped(path, describeSpecial(stats));
    return undefined;
  }

  #file(path: BytePath, stats: BigIntStats, fsPath: BytePath): FoundEntry {
    const first = stats.nlink > 1n ? this.#hardlinks.firstName(stats, path) : undefined;
    if (first !== undefined) {
      return { ...this.#entry(path, 'hardlink', stats, fsPath), link: first };
    }
    const file = { ...this.#entry(path, 'file', stats, fsPath), size: Number(stats.size) };
    return stats.nlink > 1n ? { ...file, linked: true } : file;
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
export function openSource(fsPath: BytePath, path: BytePath): OpenFolder {
  try {
    return new OpenFolder(fsPath);
  } catch (error) {
    throw sourceError(error, 'open the folder', path);
  }
}

/**
 * Opens a folder in another. That was looked at before the folder's entry travelled: where children
 * are reached by path, this may lead elsewhere by now.
 * @throws CtxsyncError source-unreadable, source-changed
 */
export function openChild(parent: OpenFolder, name: BytePath, path: BytePath): OpenFolder {
  const folder = openSource(parent.child(name), path);
  if (parent.verify()) return folder;
  folder.close();
  throw sourceChanged(path, 'was replaced');
}

function lostOf(mode: number, mtimeNs: bigint): string | undefined {
  if ((mode & SETUID_BITS) !== 0) return 'setuid and setgid are dropped';
  return isBeyondMicroseconds(mtimeNs) ? 'its time is cut to what can travel' : undefined;
}

function tooLong(path: BytePath): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError(
    'over-limit',
    `the path has ${path.length} bytes, ${MAX_PATH_BYTES} are possible: ${text}`,
    { path: text },
  );
}

function describeSpecial(stats: BigIntStats): string {
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  if (stats.isBlockDevice() || stats.isCharacterDevice()) return 'a device';
  return 'neither file, folder nor symlink';
}
