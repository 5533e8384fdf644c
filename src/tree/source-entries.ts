import { lstatSync, readlinkSync, type BigIntStats } from 'node:fs';
import { toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import { toMicroseconds } from '../disk/mtime.ts';
import { OpenFolder } from '../disk/open-folder.ts';
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
    return this.#entry('', 'folder', look(fsPath, path), fsPath);
  }

  /**
   * The entry for a child, or undefined when it does not travel.
   * @param ignored only folders travel, and nothing that goes wrong counts
   * @throws CtxsyncError source-unreadable, source-changed, over-limit
   */
  child(
    folder: OpenFolder,
    path: BytePath,
    name: BytePath,
    ignored: boolean,
  ): SourceEntry | undefined {
    const fsPath = folder.child(name);
    let stats: BigIntStats;
    try {
      stats = look(fsPath, path);
    } catch (error) {
      if (ignored) return undefined;
      throw error;
    }
    if (ignored && !stats.isDirectory()) return undefined;
    if (!folder.verify()) throw sourceChanged(path, 'was replaced');
    if (path.length > MAX_PATH_BYTES) throw tooLong(path);
    if (stats.isDirectory()) return this.#entry(path, 'folder', stats, fsPath);
    if (stats.isFile()) return this.#file(path, stats, fsPath);
    if (stats.isSymbolicLink()) {
      const link = readLink(fsPath, path);
      return { ...this.#entry(path, 'symlink', stats, fsPath), link };
    }
    this.#options.onSkipped(path, describeSpecial(stats));
    return undefined;
  }

  #file(path: BytePath, stats: BigIntStats, fsPath: BytePath): SourceEntry {
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
  ): SourceEntry {
    const mode = Number(stats.mode);
    if ((mode & SETUID_BITS) !== 0) this.#options.onChanged(path, 'setuid and setgid are dropped');
    return {
      path,
      kind,
      mode: mode & MODE_BITS,
      mtimeUs: toMicroseconds(stats.mtimeNs),
      size: 0,
      fsPath: toFsPath(fsPath),
      identity: { dev: stats.dev, ino: stats.ino, size: stats.size, mtimeNs: stats.mtimeNs },
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

function look(fsPath: BytePath, path: BytePath): BigIntStats {
  try {
    return lstatSync(toFsPath(fsPath), { bigint: true });
  } catch (error) {
    throw sourceError(error, 'look at', path);
  }
}

function readLink(fsPath: BytePath, path: BytePath): BytePath {
  try {
    return readlinkSync(toFsPath(fsPath), 'latin1');
  } catch (error) {
    throw sourceError(error, 'read the symlink', path);
  }
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
