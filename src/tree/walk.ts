import { lstatSync, readlinkSync, type BigIntStats } from 'node:fs';
import { joinPath, toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { toMicroseconds } from '../disk/mtime.ts';
import { OpenFolder } from '../disk/open-folder.ts';
import { sourceChanged, sourceError } from '../disk/system-error.ts';
import { isWorkName, MODE_BITS, SETUID_BITS, type SourceEntry } from '../entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_DEPTH, MAX_PATH_BYTES } from '../limits.ts';
import { HardlinkGroups } from './hardlink-groups.ts';
import type { FolderMatch, IgnoreRules } from './ignore-rules.ts';

export interface WalkOptions {
  rules: IgnoreRules;
  gauge: Gauge;
  /** An entry that does not travel because of what it is (FIFO, socket, device). */
  onSkipped: (path: BytePath, reason: string) => void;
  /** An entry that travels without something it has (setuid). */
  onChanged: (path: BytePath, reason: string) => void;
}

/**
 * Walks a context in the order in which it travels: parents first, '/' before every other byte.
 * Nothing outside the root is reached: no symlink is followed, and folders are held open while
 * their children are looked at. What the rules ignore is not looked at at all, unless an exception
 * could match beneath it; the folders above a re-included entry come along.
 *
 * @param root resolved by the caller; the root folder itself is the first entry, with path ''
 * @throws CtxsyncError source-unreadable, source-changed, over-limit; naming the path
 */
export function walk(root: BytePath, options: WalkOptions): Generator<SourceEntry> {
  return new Walk(options).root(root);
}

class Walk {
  readonly #options: WalkOptions;
  readonly #hardlinks = new HardlinkGroups();
  /** Ignored folders above the present one that come along if anything beneath them does. */
  readonly #pending: SourceEntry[] = [];

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  *root(path: BytePath): Generator<SourceEntry> {
    this.#options.gauge.enter('scanning', path);
    const folder = openSource(path, path);
    try {
      const stats = look(folder.child('.'), path);
      yield this.#entry('', 'folder', stats, folder.child('.'));
      yield* this.#children(folder, '', this.#options.rules.root(), 1);
    } finally {
      folder.close();
    }
  }

  *#children(
    folder: OpenFolder,
    path: BytePath,
    match: FolderMatch,
    depth: number,
  ): Generator<SourceEntry> {
    const { rules, gauge } = this.#options;
    for (const name of list(folder, path)) {
      const child = joinPath(path, name);
      // OUT may lie inside the context: then a stage would be sent into itself.
      if (isWorkName(name)) {
        this.#options.onSkipped(child, "a receiver's own work file");
        continue;
      }
      const decision = rules.decide(child, match);
      if (decision.ignored && !rules.couldIncludeBeneath(child, decision.folder())) continue;
      gauge.enter('scanning', child);
      const entry = this.#look(folder, child, name, decision.ignored);
      if (entry === undefined) continue;
      if (entry.kind !== 'folder') {
        yield* this.#pending.splice(0);
        yield entry;
        continue;
      }
      const pendingBefore = this.#pending.length;
      this.#pending.push(entry);
      if (!decision.ignored) yield* this.#pending.splice(0);
      yield* this.#enter(folder, entry, name, decision.folder(), depth + 1, decision.ignored);
      // Nothing beneath it travels, so it does not either.
      if (this.#pending.length > pendingBefore) this.#pending.length = pendingBefore;
    }
  }

  *#enter(
    parent: OpenFolder,
    entry: SourceEntry,
    name: BytePath,
    match: FolderMatch,
    depth: number,
    ignored: boolean,
  ): Generator<SourceEntry> {
    const { path } = entry;
    if (depth > MAX_DEPTH) {
      throw new CtxsyncError(
        'over-limit',
        `${toText(path)} lies deeper than ${MAX_DEPTH} folders`,
        {
          path: toText(path),
        },
      );
    }
    this.#options.gauge.enter('scanning', path);
    let folder: OpenFolder;
    try {
      folder = openSource(parent.child(name), path);
    } catch (error) {
      if (ignored) return; // what is ignored and cannot be opened is nobody's business
      throw error;
    }
    try {
      yield* this.#children(folder, path, match, depth);
    } finally {
      folder.close();
    }
  }

  /** The entry for a child, or undefined when it does not travel. */
  #look(
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
    return { ...this.#entry(path, 'file', stats, fsPath), size: Number(stats.size) };
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

function openSource(fsPath: BytePath, path: BytePath): OpenFolder {
  try {
    return new OpenFolder(fsPath);
  } catch (error) {
    throw sourceError(error, 'open the folder', path);
  }
}

function list(folder: OpenFolder, path: BytePath): BytePath[] {
  try {
    return folder.names();
  } catch (error) {
    throw sourceError(error, 'list the folder', path);
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
