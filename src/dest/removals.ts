import { joinPath, splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import type { Gauge } from '../disk/gauge.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import type { MountPoints } from '../disk/mount-points.ts';
import { destinationError, errnoOf } from '../disk/system-error.ts';
import { isWorkName } from '../entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_REPORTED_PATHS } from '../limits.ts';
import type { ComparedContext } from './commit.ts';
import type { OpenDestination } from './destination.ts';
import { readEdits } from './edits.ts';
import { inodeKey } from '../disk/inode.ts';

/** What --delete is to make of OUT, and what it may not do. */
export interface Mirror {
  /** Directories in OUT that become what their contexts hold; '' is OUT itself. Nothing else is touched. */
  names: readonly BytePath[];
  /** Those of them whose contexts have no entries. */
  empty: readonly BytePath[];
  /** Empty OUT where a context is empty. */
  allowEmpty: boolean;
  /** Entries that may be taken out, each one in a directory that goes counted too. */
  maxDelete: number;
}

export interface Removals {
  /** Entries, each one in a directory that goes counted too. */
  count: number;
  /** The first MAX_REPORTED_PATHS of them, within OUT. */
  paths: BytePath[];
}

interface SearchOptions {
  mirror: Mirror;
  compared: readonly ComparedContext[];
  mounts: MountPoints;
  gauge: Gauge;
}

/**
 * Finds what --delete will take out, by looking alone, and refuses what it may not.
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
    const message = `refused: --delete would take out ${count} entries, and --max-delete allows ${maxDelete}; nothing was changed`;
    throw new CtxsyncError('delete-refused', message);
  }
  return { count, paths };
}

/**
 * Directories in OUT that contexts were compared with, by their keys: the disk may have another spelling
 * of their names.
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

/** Goes the ways of the commit. What it may not look into counts as one. */
class Search implements Removals {
  count = 0;
  readonly paths: BytePath[] = [];
  readonly #opened: OpenDestination;
  readonly #options: SearchOptions;
  readonly #out: Descent;
  readonly #staged: Descent;
  readonly #bases: ReadonlySet<string>;
  /** The context that is at hand. */
  #context: BytePath = '';

  constructor(opened: OpenDestination, options: SearchOptions) {
    this.#opened = opened;
    this.#options = options;
    this.#out = new Descent(opened.out);
    this.#staged = new Descent(opened.tree);
    this.#bases = baseKeys(opened.out, options.compared);
  }

  run(): void {
    const { compared, mirror } = this.#options;
    for (const context of compared) this.#searchCompared(context);
    for (const name of mirror.names) {
      if (!compared.some((each) => each.name === name)) this.#searchWhole(name);
    }
  }

  close(): void {
    this.#out.close();
    this.#staged.close();
  }

  #searchCompared({ name, edits }: ComparedContext): void {
    this.#context = name;
    this.#options.gauge.enter('committing', this.#opened.out.path);
    for (const { kind, path } of readEdits(this.#opened.stage, edits)) {
      if (kind === 'remove') this.#at(joinPath(name, path));
    }
  }

  /** The stage has all of this context. */
  #searchWhole(name: BytePath): void {
    this.#context = name;
    for (const way of [this.#out, this.#staged]) way.goTo('');
    if (name === '') this.#searchPair('', this.#rootNames());
    else this.#searchBoth(name, name);
  }

  /** @param names what the directory of OUT has */
  #searchPair(path: BytePath, names: readonly BytePath[]): void {
    const staged = new Set(this.#staged.directory.names());
    for (const name of names) {
      const child = joinPath(path, name);
      if (!staged.has(name)) {
        if (!isWorkName(name)) this.#look(name, child);
      } else if (path !== '' || !this.#options.mirror.names.includes(name)) {
        // Contexts with names of their own are searched by themselves.
        this.#searchBoth(name, child);
      }
    }
  }

  #searchBoth(name: BytePath, path: BytePath): void {
    const [ours, theirs] = [this.#staged.directory.look(name), this.#out.directory.look(name)];
    if (ours?.isDirectory() !== true || theirs?.isDirectory() !== true) return;
    const names = this.#enter(name, path);
    if (names === undefined) return;
    this.#staged.enter(name);
    this.#searchPair(path, names);
    this.#staged.leave();
    this.#out.leave();
  }

  #at(path: BytePath): void {
    const [parent, name] = splitPath(path);
    try {
      this.#out.goTo(parent);
    } catch (error) {
      throw destinationError(error, 'look at', path);
    }
    this.#look(name, path);
  }

  #look(name: BytePath, path: BytePath): void {
    const stats = this.#out.directory.look(name);
    if (stats === undefined || this.#bases.has(inodeKey(stats))) return;
    const { mounts } = this.#options;
    if (mounts.has(path)) return;
    // What has a mount in it stays.
    if (mounts.beneath(path) === undefined) this.#add(path);
    const children = stats.isDirectory() ? this.#enter(name, path) : undefined;
    if (children === undefined) return;
    for (const child of children) this.#look(child, joinPath(path, child));
    this.#out.leave();
  }

  #add(path: BytePath): void {
    const { allowEmpty, empty } = this.#options.mirror;
    if (!allowEmpty && empty.includes(this.#context)) throw emptied(this.#context);
    this.count += 1;
    if (this.paths.length < MAX_REPORTED_PATHS) this.paths.push(path);
  }

  #enter(name: BytePath, path: BytePath): BytePath[] | undefined {
    this.#options.gauge.enter('scanning', path);
    try {
      return this.#out.enterAndList(name);
    } catch (error) {
      throw destinationError(error, 'list the folder', path);
    }
  }

  #rootNames(): BytePath[] {
    this.#options.gauge.enter('scanning', this.#opened.out.path);
    try {
      return this.#opened.out.names();
    } catch (error) {
      if (errnoOf(error) === 'EACCES') return [];
      throw destinationError(error, 'list the folder', this.#opened.out.path);
    }
  }
}

function emptied(context: BytePath): CtxsyncError {
  const which = context === '' ? 'the context' : `the context ${toText(context)}`;
  const message = `refused: ${which} has no entries, and --delete would empty its place; check the source and its ignore rules, or allow it with --allow-empty`;
  return new CtxsyncError('delete-refused', message);
}
