import { isBeneath, joinPath, splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import { hasName, type Names } from '../disk/names.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { metadataOf, type HeldDirectory } from '../disk/held-directory.ts';
import { inodeKey, type Inode } from '../disk/inode.ts';
import type { MountPoints } from '../disk/mount-points.ts';
import { errnoOf } from '../disk/errno.ts';
import { destinationError } from '../disk/system-error.ts';
import { isWorkName } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_REPORTED_PATHS } from '../limits.ts';
import type { ComparedContext } from './commit.ts';
import type { OpenDestination } from './destination.ts';
import { readLocalChanges } from './local-changes.ts';

/** What a mirror makes of OUT, and its limits. */
export interface Mirror {
  /** Directories in OUT that become equal to their contexts; '' is OUT itself. Nothing else is touched. */
  names: readonly BytePath[];
  /** Those of them whose contexts have no entries. */
  empty: readonly BytePath[];
  /** Let an empty context empty its directory. */
  allowEmpty: boolean;
  /** Entries that may be deleted, including those in deleted directories. */
  maxDelete: number;
}

export interface Removals {
  /** Entries, including those in deleted directories. */
  count: number;
  /** The first MAX_REPORTED_PATHS of them, relative to OUT. */
  paths: BytePath[];
}

const NOT_YET: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES']);

interface SearchOptions {
  mirror: Mirror;
  compared: readonly ComparedContext[];
  mounts: MountPoints;
  status: WorkerStatus;
  /** Called with each of them. */
  onRemoval: (path: BytePath, isDirectory: boolean) => void;
}

/**
 * Finds what a mirror will delete, without changing OUT, and enforces its limits.
 * @throws CtxsyncError delete-refused, not-writable
 */
export function findRemovals(opened: OpenDestination, options: SearchOptions): Removals {
  const search = new Search(opened, options);
  try {
    search.run();
  } finally {
    search.close();
  }
  const { count, paths } = search;
  const { maxDelete } = options.mirror;
  if (count > maxDelete) {
    const message = `refused: the mirror would delete ${count} entries, and the limit is ${maxDelete}; nothing was changed`;
    throw new CtxsyncError('delete-refused', message, { remedy: 'max-delete' });
  }
  return { count, paths };
}

/**
 * Directories in OUT that contexts were compared with, by inode key: the disk may spell their names
 * differently.
 */
export function baseKeys(out: HeldDirectory, compared: readonly ComparedContext[]): Set<string> {
  const keys = new Set<string>();
  for (const { name } of compared) {
    if (name === '') keys.add(inodeKey(out.identity));
    const stats = name === '' ? undefined : out.look(name);
    if (stats?.isDirectory() === true) keys.add(inodeKey(stats));
  }
  return keys;
}

/**
 * Takes the same paths as the commit: first what a comparison found, then a walk over pairs of
 * directories, one of the stage and the one of OUT that it becomes. A directory that it may not list
 * counts as one entry.
 */
class Search implements Removals {
  count = 0;
  readonly paths: BytePath[] = [];
  readonly #opened: OpenDestination;
  readonly #options: SearchOptions;
  readonly #out: Descent;
  readonly #staged: Descent;
  readonly #bases: ReadonlySet<string>;
  /** Directories that the stage holds whole, although their contexts were compared. */
  readonly #wholes = new Set<BytePath>();

  constructor(opened: OpenDestination, options: SearchOptions) {
    this.#opened = opened;
    this.#options = options;
    this.#out = new Descent(opened.out);
    this.#staged = new Descent(opened.tree);
    this.#bases = baseKeys(opened.out, options.compared);
  }

  run(): void {
    for (const context of this.#options.compared) this.#searchLocalChanges(context);
    this.#out.goTo('');
    this.#searchPair('', this.#rootNames(), this.#isWhole('', this.#opened.out.identity, false));
  }

  close(): void {
    this.#out.close();
    this.#staged.close();
  }

  #searchLocalChanges({ name, localChanges }: ComparedContext): void {
    this.#options.status.enter('committing', this.#opened.out.path);
    for (const change of readLocalChanges(this.#opened.stage, localChanges)) {
      const path = joinPath(name, change.path);
      if (change.kind === 'metadata') continue;
      if (change.kind === 'whole') this.#wholes.add(path);
      else this.#at(path, (last) => this.#look(last, path, change.kind === 'remove'));
    }
  }

  /**
   * @param names in the directory of OUT
   * @param whole the stage holds it whole: other entries are deleted
   */
  #searchPair(path: BytePath, names: Names, whole: boolean): void {
    const staged = this.#staged.directory.names();
    if (whole) {
      for (const name of names) {
        if (!hasName(staged, name) && !isWorkName(name)) this.#look(name, joinPath(path, name));
      }
    }
    // The disk may also find names spelled differently: the commit has removed those by then.
    for (const name of staged) {
      if (hasName(names, name)) this.#searchBoth(name, joinPath(path, name), whole);
    }
  }

  #searchBoth(name: BytePath, path: BytePath, whole: boolean): void {
    const theirs = this.#out.directory.look(name);
    if (theirs?.isDirectory() !== true) return;
    const ours = this.#staged.directory.look(name);
    // A directory's content is deleted when a file or symlink replaces it.
    if (ours?.isDirectory() !== true) return this.#look(name, path, false);
    const names = this.#enter(name, path);
    if (names === undefined) return;
    // The stage is ours, but its modes are the context's.
    const isClosed = (ours.mode & 0o500n) !== 0o500n;
    if (isClosed) this.#staged.directory.setChildMode(name, 0o700);
    this.#staged.enter(name);
    this.#searchPair(path, names, this.#isWhole(path, theirs, whole));
    this.#staged.leave();
    if (isClosed) this.#staged.directory.setChildMode(name, metadataOf(ours).mode);
    this.#out.leave();
  }

  /** As in the commit. @param above the stage holds its parent whole, too */
  #isWhole(path: BytePath, identity: Inode, above: boolean): boolean {
    if (this.#wholes.has(path)) return true;
    const isMirrored = above || this.#options.mirror.names.includes(path);
    return isMirrored && !this.#bases.has(inodeKey(identity));
  }

  #at(path: BytePath, look: (name: BytePath) => void): void {
    const [parent, name] = splitPath(path);
    try {
      this.#out.goTo(parent);
    } catch (error) {
      // Its directory comes with this transfer, or the commit makes it accessible.
      if (NOT_YET.has(errnoOf(error))) return;
      throw destinationError(error, 'look at', path);
    }
    look(name);
  }

  /** @param goes the entry itself is deleted, not only its content */
  #look(name: BytePath, path: BytePath, goes = true): void {
    const stats = this.#out.directory.look(name);
    if (stats === undefined || this.#bases.has(inodeKey(stats))) return;
    const { mounts } = this.#options;
    if (mounts.has(path)) return;
    // A directory with a mount in it stays.
    if (goes && mounts.beneath(path) === undefined) this.#add(path, stats.isDirectory());
    const children = stats.isDirectory() ? this.#enter(name, path) : undefined;
    if (children === undefined) return;
    for (const child of children) this.#look(child, joinPath(path, child));
    this.#out.leave();
  }

  #add(path: BytePath, isDirectory: boolean): void {
    if (!this.#options.mirror.allowEmpty) this.#checkEmpty(path);
    this.count += 1;
    this.#options.onRemoval(path, isDirectory);
    if (this.paths.length < MAX_REPORTED_PATHS) this.paths.push(path);
  }

  #checkEmpty(path: BytePath): void {
    const { empty, names } = this.#options.mirror;
    if (empty.length === 0) return;
    const around = names.filter((name) => isBeneath(path, name));
    const context = around.toSorted((a, b) => b.length - a.length)[0];
    if (context !== undefined && empty.includes(context)) throw emptied(context);
  }

  /** Undefined if we may not list it; then it was not entered. */
  #enter(name: BytePath, path: BytePath): Names | undefined {
    this.#options.status.enter('scanning', path);
    let names: Names | undefined;
    try {
      names = this.#out.enterAndList(name);
    } catch (error) {
      throw destinationError(error, 'list the directory', path);
    }
    if (names === undefined && this.#options.mirror.maxDelete !== Infinity) throw uncounted(path);
    return names;
  }

  #rootNames(): Names {
    this.#options.status.enter('scanning', this.#opened.out.path);
    try {
      return this.#opened.out.names();
    } catch (error) {
      if (errnoOf(error) === 'EACCES') return [];
      throw destinationError(error, 'list the directory', this.#opened.out.path);
    }
  }
}

function uncounted(path: BytePath): CtxsyncError {
  const text = toText(path);
  const message = `refused: the mirror would delete ${text}, which may not be listed, so its entries cannot be counted against the limit; nothing was changed`;
  return new CtxsyncError('delete-refused', message, { path: text });
}

function emptied(context: BytePath): CtxsyncError {
  const which = context === '' ? 'the context' : `the context ${toText(context)}`;
  const message = `refused: ${which} has no entries, and the mirror would delete everything in its place; check the source and its ignore rules`;
  return new CtxsyncError('delete-refused', message, { remedy: 'allow-empty' });
}
