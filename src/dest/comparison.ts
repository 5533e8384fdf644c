import { isBeneath, splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import { EntryDigest } from '../entry/entry-digest.ts';
import type { EntryStats } from '../disk/entry-stats.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { toMicroseconds } from '../disk/mtime.ts';
import { PathTable } from '../disk/path-table.ts';
import { destinationError } from '../disk/system-error.ts';
import { isWorkName, type EntryKind, type ManifestEntry, type Want } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { FilePool } from '../pool/file-pool.ts';
import { versionOf } from './file-version.ts';
import { hashExisting } from './hash-existing.ts';
import type { LocalChange } from './local-changes.ts';
import { OrderedLookup, type Existing } from './ordered-lookup.ts';
import { inodeKey } from '../disk/inode.ts';
import type { OwnCopy } from './own-copies.ts';
import { OwnCopySearch, type OwnCopySearchOptions } from './own-copy-search.ts';

export interface ComparisonOptions extends OwnCopySearchOptions {
  /** Closed with the comparison, as are the partial stages. */
  base: HeldDirectory | undefined;
  /** Looks at what is there ahead of the comparison. */
  pool?: FilePool;
  /** Called with each entry to send, in walk order. */
  onWant: (want: Want) => void;
  /** Called, before its want, with the place of the content that a file need not be sent with. */
  onOwnCopy: (copy: OwnCopy) => void;
  /**
   * Called with changes that need no sending: entries the context lacks, new names of old files, new modes and
   * times of files whose content is known to be the same.
   */
  onLocalChange: (change: LocalChange) => void;
}

/** Result of a comparison, in entries; the context's own root is not counted. */
export interface ComparisonCounts {
  /** Including those of which the source will know whether only mode or time differ. */
  written: number;
  /** Only mode or time differ. */
  metadataOnly: number;
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
 * `metadata`: only mode or time differ. `maybe-metadata`: so they do if the contents turn out to be the same,
 * which the sizes allow.
 */
type Likeness = 'same' | 'metadata' | 'maybe-metadata' | 'different';

/**
 * Compares a context, entry by entry as its manifest arrives, with the directory that it will become. An
 * entry is unchanged when kind, mode, mtime (in microseconds), size and link text are the same and, where
 * the manifest has a digest, the content too. Files have to be hardlinked with each other as in the
 * context. Of a file with another time, the want has the digest of the content that is there, so that it is
 * sent only if the source has another.
 *
 * @throws CtxsyncError not-writable, unsafe-entry
 */
export class Comparison {
  readonly counts: ComparisonCounts = { written: 0, metadataOnly: 0, unchanged: 0, wanted: 0 };
  readonly #options: ComparisonOptions;
  readonly #existing: OrderedLookup;
  readonly #ownCopies: OwnCopySearch;
  readonly #ancestors: Ancestor[] = [];
  readonly #wanted = new EntryDigest();
  #hasRoot = false;
  /** Unchanged files with several names here, by inode and by inode with first name. */
  readonly #unchangedFirsts = new PathTable();
  /** Changed files and symlinks that have several names in the context. */
  readonly #changedFirsts = new PathTable();

  constructor(options: ComparisonOptions) {
    this.#options = options;
    this.#ownCopies = new OwnCopySearch(options);
    const { base, status, pool = new FilePool(status) } = options;
    this.#existing = new OrderedLookup(base, status, {
      pool,
      onPassed: (path) => this.#passed(path),
    });
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
    const likeness = found === undefined || closed ? 'different' : this.#compare(entry, found);
    if (likeness === 'same') this.counts.unchanged += 1;
    else if (!this.#changesInPlace(entry, found, likeness)) this.#change(entry, found, likeness);
    this.#options.status.addEntry();
    if (directory) {
      this.#ancestors.push({ path, stamp: entry.stamp, wanted: likeness !== 'same' });
    }
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

  /** Nothing has to be sent. A directory gets its mode and time from the stage. */
  #changesInPlace(entry: ManifestEntry, found: Existing | undefined, likeness: Likeness): boolean {
    const { path, kind, mode, mtimeUs } = entry;
    if (likeness !== 'metadata' || kind === 'directory') return false;
    if (found === undefined || !this.#ownCopies.canStay(found)) return false;
    const version = versionOf(found.stats);
    this.#options.onLocalChange({ kind: 'metadata', path, mode, mtimeUs, version });
    this.counts.metadataOnly += 1;
    return true;
  }

  #change(entry: ManifestEntry, found: Existing | undefined, likeness: Likeness): void {
    const { path, kind, stamp, link = '' } = entry;
    if (likeness === 'metadata' && kind !== 'file') this.counts.metadataOnly += 1;
    else this.counts.written += 1;
    if (kind === 'hardlink' && this.#changedFirsts.get(link) === 0) {
      this.#options.onLocalChange({ kind: 'link', path, link });
      return;
    }
    const isLike = likeness !== 'different';
    const own = kind === 'file' ? this.#ownCopies.find(entry, found, isLike) : undefined;
    const stays = own?.copy.kind === 'in-place';
    if (entry.linked === true && !stays) this.#changedFirsts.set(path, 1);
    for (const ancestor of this.#ancestors) {
      if (!ancestor.wanted) {
        this.#want({ path: ancestor.path, kind: 'directory', stamp: ancestor.stamp });
      }
      ancestor.wanted = true;
    }
    if (own === undefined) return this.#want({ path, kind, stamp }, entry.size);
    this.#options.onOwnCopy(own.copy);
    this.#want({ path, kind, stamp, sha256: own.sha256 });
  }

  /** @param bytes of content to be sent */
  #want(want: Want, bytes = 0): void {
    this.counts.wanted += 1;
    this.#options.status.addWanted(bytes);
    this.#wanted.add(want.kind, want.path);
    this.#options.onWant(want);
  }

  #compare(entry: ManifestEntry, found: Existing): Likeness {
    const { stats } = found;
    const { kind, path, link = '' } = entry;
    if (!isKind(kind, found)) return 'different';
    if (kind === 'hardlink') {
      return this.#unchangedFirsts.get(named(stats, link)) === 0 ? 'different' : 'same';
    }
    if (kind === 'symlink' && readLink(found, path) !== link) return 'different';
    if (kind === 'file' && stats.size !== BigInt(entry.size)) return 'different';
    const sameTime = toMicroseconds(stats.mtimeNs) === entry.mtimeUs;
    const sameMode = kind === 'symlink' || (Number(stats.mode) & 0o7777) === entry.mode;
    const sameContent = kind !== 'file' || this.#isSameContent(entry, found, sameTime);
    if (sameContent === false) return 'different';
    if (sameContent === undefined) return 'maybe-metadata';
    if (!sameTime || !sameMode) return 'metadata';
    return kind === 'directory' || this.#isFirstName(found, path) ? 'same' : 'different';
  }

  /** Undefined if only the source can decide. Without digests, the same time means the same content. */
  #isSameContent(
    { path, size, sha256 }: ManifestEntry,
    found: Existing,
    sameTime: boolean,
  ): boolean | undefined {
    if (sha256 !== undefined) return sha256 === hashExisting(found, path, this.#options.status);
    return sameTime || size === 0 ? true : undefined;
  }

  /** False: it is hardlinked with an earlier entry, and should not be. */
  #isFirstName({ stats }: Existing, path: BytePath): boolean {
    if (stats.nlink === 1n) return true;
    if (this.#unchangedFirsts.set(inodeKey(stats), 1) !== 0) return false;
    this.#unchangedFirsts.set(named(stats, path), 1);
    return true;
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
function named(stats: EntryStats, path: BytePath): BytePath {
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
