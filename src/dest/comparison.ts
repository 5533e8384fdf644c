import { constants, type BigIntStats } from 'node:fs';
import { isBeneath, splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import { EntryDigest } from '../entry/entry-digest.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { hashOpenFile } from '../disk/hash-file.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { toMicroseconds } from '../disk/mtime.ts';
import { PathTable } from '../disk/path-table.ts';
import { errnoOf } from '../disk/errno.ts';
import { destinationError } from '../disk/system-error.ts';
import { isWorkName, type EntryKind, type ManifestEntry, type Want } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import type { LocalChange } from './local-changes.ts';
import { OrderedLookup, type Existing } from './ordered-lookup.ts';
import { inodeKey } from '../disk/inode.ts';
import type { PartialStages } from './partial-stages.ts';

export interface ComparisonOptions {
  /** The directory that the context becomes, if it exists. Closed with the comparison. */
  base: HeldDirectory | undefined;
  partialStages: PartialStages;
  /** Names in `base` that belong to other contexts of the transfer. */
  others: readonly BytePath[];
  status: WorkerStatus;
  /** Called with each entry to send, in walk order. */
  onWant: (want: Want) => void;
  /** Called with changes that need no sending: entries the context lacks, new names of old files. */
  onLocalChange: (change: LocalChange) => void;
}

/** Result of a comparison, in entries; the context's own root is not counted. */
export interface ComparisonCounts {
  written: number;
  unchanged: number;
  /** Entries requested: the changed ones, and the directories that contain them. */
  wanted: number;
}

/** A directory of the context that contains the current entry. */
interface Ancestor {
  path: BytePath;
  stamp: number;
  wanted: boolean;
}

/**
 * Compares a context, entry by entry as its manifest arrives, with the directory that it will become. An
 * entry is unchanged when kind, mode, mtime (in microseconds), size and link text are the same and, where
 * the manifest has a digest, the content too. Files have to be hardlinked with each other as in the
 * context.
 *
 * @throws CtxsyncError not-writable, unsafe-entry
 */
export class Comparison {
  readonly counts: ComparisonCounts = { written: 0, unchanged: 0, wanted: 0 };
  readonly #options: ComparisonOptions;
  readonly #existing: OrderedLookup;
  readonly #ancestors: Ancestor[] = [];
  readonly #wanted = new EntryDigest();
  #hasRoot = false;
  /** Unchanged files with several names here, by inode and by inode with first name. */
  readonly #unchangedFirsts = new PathTable();
  /** Changed files and symlinks that have several names in the context. */
  readonly #changedFirsts = new PathTable();

  constructor(options: ComparisonOptions) {
    this.#options = options;
    this.#existing = new OrderedLookup(options.base, options.status, (path) => this.#passed(path));
  }

  /** @param entry checked; sorts after all that were added before */
  add(entry: ManifestEntry): void {
    const { path } = entry;
    if (path === '') return this.#addRoot(entry);
    if (this.#options.others.includes(path)) throw collision(path);
    const found = this.#existing.find(path);
    const directory = entry.kind === 'directory';
    const closed = directory && found?.stats.isDirectory() === true && !this.#enter(path, found);
    if (directory) this.#options.partialStages.enter(path);
    this.#leaveAncestors(path);
    const same = found !== undefined && !closed && this.#isSame(entry, found);
    if (same) this.counts.unchanged += 1;
    else this.#change(entry);
    this.#options.status.addEntry();
    if (directory) this.#ancestors.push({ path, stamp: entry.stamp, wanted: !same });
  }

  /** All entries were added. @throws CtxsyncError corrupt, when none was the root */
  end(): void {
    if (!this.#hasRoot) throw new CtxsyncError('corrupt', 'the manifest has no root');
    this.#existing.end();
  }

  /** The EntryDigest of the wanted entries. Call it only once. */
  wanted(): string {
    return this.#wanted.digest();
  }

  close(): void {
    this.#existing.close();
    this.#options.partialStages.close();
  }

  /** False: we have no permission to list it, so it is sent whole and replaces what is there. */
  #enter(path: BytePath, found: Existing): boolean {
    if (this.#existing.enter(path, found)) return true;
    this.#options.onLocalChange({ kind: 'whole', path });
    return false;
  }

  /** The commit sets a root's own mode and time. */
  #addRoot({ path, kind, stamp }: ManifestEntry): void {
    this.#hasRoot = true;
    this.#options.onWant({ path, kind, stamp });
  }

  #change(entry: ManifestEntry): void {
    this.counts.written += 1;
    const { path, kind, stamp, link = '' } = entry;
    if (kind === 'hardlink' && this.#changedFirsts.get(link) === 0) {
      this.#options.onLocalChange({ kind: 'link', path, link });
      return;
    }
    if (entry.linked === true) this.#changedFirsts.set(path, 1);
    for (const ancestor of this.#ancestors) {
      if (!ancestor.wanted) {
        this.#want({ path: ancestor.path, kind: 'directory', stamp: ancestor.stamp });
      }
      ancestor.wanted = true;
    }
    const kept = this.#keptContent(entry);
    this.#want({ path, kind, stamp, ...kept }, kept.sha256 === undefined ? entry.size : 0);
  }

  /** @param bytes of content to be sent */
  #want(want: Want, bytes = 0): void {
    this.counts.wanted += 1;
    this.#options.status.addWanted(bytes);
    this.#wanted.add(want.kind, want.path);
    this.#options.onWant(want);
  }

  /** The digest of a file that an earlier run left, which is nearly always the same file. */
  #keptContent({ path, kind, size, mtimeUs }: ManifestEntry): { sha256?: string } {
    const { partialStages } = this.#options;
    if (kind !== 'file' || partialStages.empty) return {};
    const found = partialStages.find(path, size, mtimeUs);
    const sha256 = found === undefined ? '' : this.#hash(found, path);
    return sha256 === '' ? {} : { sha256 };
  }

  #isSame(entry: ManifestEntry, found: Existing): boolean {
    const { stats } = found;
    if (!isKind(entry.kind, found)) return false;
    if (entry.kind === 'hardlink') {
      return this.#unchangedFirsts.get(named(stats, entry.link ?? '')) !== 0;
    }
    if (toMicroseconds(stats.mtimeNs) !== entry.mtimeUs) return false;
    if (entry.kind === 'symlink') {
      return readLink(found, entry.path) === entry.link && this.#isFirstName(found, entry.path);
    }
    if ((Number(stats.mode) & 0o7777) !== entry.mode) return false;
    return entry.kind === 'directory' || this.#isSameFile(entry, found);
  }

  #isSameFile(entry: ManifestEntry, found: Existing): boolean {
    const { stats } = found;
    if (stats.size !== BigInt(entry.size)) return false;
    if (entry.sha256 !== undefined) {
      const sha256 = this.#hash(found, entry.path);
      this.#options.status.addBytes(entry.size);
      if (entry.sha256 !== sha256) return false;
    }
    return this.#isFirstName(found, entry.path);
  }

  /** False: it is hardlinked with an earlier entry, and should not be. */
  #isFirstName({ stats }: Existing, path: BytePath): boolean {
    if (stats.nlink === 1n) return true;
    if (this.#unchangedFirsts.set(inodeKey(stats), 1) !== 0) return false;
    this.#unchangedFirsts.set(named(stats, path), 1);
    return true;
  }

  /** Empty when we may not read it. */
  #hash({ directory, name }: Existing, path: BytePath): string {
    try {
      const fd = directory.openFile(name, constants.O_RDONLY);
      return hashOpenFile(fd, () => this.#options.status.enter('reading', path)).sha256;
    } catch (error) {
      // A file can be writable but not readable.
      if (errnoOf(error) === 'EACCES') return '';
      throw destinationError(error, 'read', path);
    }
  }

  #leaveAncestors(path: BytePath): void {
    while (this.#ancestors.length > 0 && !isBeneath(path, this.#ancestors.at(-1)!.path)) {
      this.#ancestors.pop();
    }
  }

  #passed(path: BytePath): void {
    if (isWorkName(splitPath(path)[1]) || this.#options.others.includes(path)) return;
    this.#options.onLocalChange({ kind: 'remove', path });
  }
}

/** An inode key has no slash. */
function named(stats: BigIntStats, path: BytePath): BytePath {
  return `${inodeKey(stats)}/${path}`;
}

function readLink({ directory, name }: Existing, path: BytePath): BytePath {
  try {
    return directory.readLink(name);
  } catch (error) {
    throw destinationError(error, 'read the symlink', path);
  }
}

function isKind(kind: EntryKind, { stats }: Existing): boolean {
  if (kind === 'directory') return stats.isDirectory();
  if (kind === 'hardlink') return stats.isFile() || stats.isSymbolicLink();
  return kind === 'symlink' ? stats.isSymbolicLink() : stats.isFile();
}

function collision(path: BytePath): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError('unsafe-entry', `refused ${text}: another context has it already`, {
    path: text,
  });
}
