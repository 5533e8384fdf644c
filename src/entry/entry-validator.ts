import { splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import { isWorkName, type Entry } from './entry.ts';
import { CtxsyncError } from '../errors.ts';
import { shortPath } from '../short-path.ts';
import { MAX_DEPTH, MAX_LINK_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES } from '../limits.ts';
import type { Budget } from './budget.ts';
import {
  EntryTable,
  type EarlierEntries,
  type KnownKind,
  type OfferedEntry,
} from './earlier-entries.ts';

/**
 * Decides for each entry of a stream whether it may reach a disk. Pure: it knows only the earlier
 * entries. An entry it accepts has a path below the root whose directories all came before it, does
 * not contradict an earlier entry, and hardlinks only to a file or symlink of the same stream.
 */
export class EntryValidator {
  readonly #budget: Budget;
  readonly #earlier: EarlierEntries;
  #hasRoot = false;
  /** The directory of the last entry: its path was checked. */
  #directory: BytePath | undefined;

  /** @param earlier EntryTable accepts any order; AscendingEntries only the order of a walk */
  constructor(budget: Budget, earlier: EarlierEntries = new EntryTable()) {
    this.#budget = budget;
    this.#earlier = earlier;
  }

  /**
   * @returns true when the path came before with the same kind: the later entry wins
   * @throws CtxsyncError unsafe-entry, over-limit
   */
  check(entry: OfferedEntry): boolean {
    const [directory, name] = splitPath(entry.path);
    // Most entries come after a sibling. (An absolute path is in '', too.)
    const isSibling = directory !== '' && directory === this.#directory;
    if (isSibling && entry.path.length <= MAX_PATH_BYTES) checkName(entry.path, name);
    else checkPath(entry.path);
    this.#directory = directory;
    this.#budget.charge(entry.size, entry.path);
    if (entry.path === '') return this.#checkRoot(entry);
    if (!this.#earlier.hasDirectory(directory)) {
      throw unsafe(
        entry.path,
        `its parent ${toText(directory)} is not a directory of this context`,
      );
    }
    const kind = this.#checkLink(entry);
    const before = this.#earlier.add(entry, kind);
    if (before !== undefined && before !== kind) {
      throw unsafe(entry.path, `it comes twice, as a ${before} and as a ${kind}`);
    }
    return before !== undefined;
  }

  /**
   * A skipped member also counts as an entry: otherwise a peer could go on forever.
   * @throws CtxsyncError over-limit
   */
  checkSkipped(path: BytePath): void {
    this.#budget.charge(0, path);
  }

  /** Whether a directory of this path came before. */
  hasDirectory(path: BytePath): boolean {
    return this.#earlier.hasDirectory(path);
  }

  /** Whether a file or symlink of this path came before. */
  mayLinkTo(path: BytePath): boolean {
    return this.#earlier.linkable(path) !== undefined;
  }

  #checkRoot(entry: Entry): boolean {
    if (entry.kind !== 'directory') throw unsafe('', `the root is a ${entry.kind}`);
    const before = this.#hasRoot;
    this.#hasRoot = true;
    return before;
  }

  /** @returns the entry's kind; for a hardlink, that of its target */
  #checkLink({ path, kind, link }: Entry): KnownKind {
    if (kind !== 'symlink' && kind !== 'hardlink') return kind;
    if (link === undefined || link === '') throw unsafe(path, 'it links to nothing');
    if (link.includes('\0')) throw unsafe(path, 'its link has a NUL byte');
    if (link.length > MAX_LINK_BYTES) throw unsafe(path, `its link has ${link.length} bytes`);
    if (kind === 'symlink') return kind;
    if (link.startsWith('/')) throw unsafe(path, 'it is a hardlink to an absolute path');
    if (link === path) throw unsafe(path, 'it is a hardlink to itself');
    const target = this.#earlier.linkable(link);
    if (target !== undefined) return target;
    const what = 'which is neither a file nor a symlink of this context';
    throw unsafe(path, `it is a hardlink to ${shortPath(toText(link))}, ${what}`);
  }
}

/** @throws CtxsyncError unsafe-entry, if no entry may have this path */
export function checkPath(path: BytePath): void {
  if (path === '') return;
  if (path.startsWith('/')) throw unsafe(path, 'it is an absolute path');
  if (path.length > MAX_PATH_BYTES) throw unsafe(path, `its path has ${path.length} bytes`);
  const names = path.split('/');
  if (names.length > MAX_DEPTH) throw unsafe(path, `it lies deeper than ${MAX_DEPTH} directories`);
  for (const name of names) checkName(path, name);
}

function checkName(path: BytePath, name: BytePath): void {
  if (name === '..') throw unsafe(path, 'its path contains ".."');
  if (name === '' || name === '.') throw unsafe(path, 'its path contains an empty name');
  if (name.includes('\0')) throw unsafe(path, 'its path contains a NUL byte');
  if (isWorkName(name)) throw unsafe(path, "it has a receiver's own work name");
  if (name.length > MAX_NAME_BYTES) {
    throw unsafe(path, `one of its names has ${name.length} bytes`);
  }
}

function unsafe(path: BytePath, why: string): CtxsyncError {
  const text = path === '' ? './' : toText(path);
  return new CtxsyncError('unsafe-entry', `refused ${text}: ${why}`, { path: text });
}
