import { isBeneath, joinPath, nameTowards, toText, type BytePath } from '../disk/byte-path.ts';
import { NO_FILES, type Names } from '../disk/names.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { OpenDirectory } from '../disk/open-directory.ts';
import { sourceChanged, sourceError } from '../disk/system-error.ts';
import type { Inode } from '../disk/inode.ts';
import type { UnreadablePaths } from '../disk/unreadable-paths.ts';
import { isWorkName, type SourceEntry } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_DEPTH } from '../limits.ts';
import type { Decision, DirectoryMatch, IgnoreRules } from '../ignore/ignore-rules.ts';
import { FilePool } from '../pool/file-pool.ts';
import { OK, type Slot } from '../pool/slot.ts';
import {
  closeOpened,
  openChild,
  openSource,
  SourceEntries,
  type FoundEntry,
  type SourceEntryOptions,
} from './source-entries.ts';

export interface WalkOptions extends SourceEntryOptions {
  rules: IgnoreRules;
  /** The inode of the root when the rules were read. */
  identity?: Inode | undefined;
  /** Collects what the walk or its consumer cannot read: after that nothing is sent. */
  unreadable: Pick<UnreadablePaths, 'add' | 'end'>;
  status: WorkerStatus;
  /** Opens each file, for whoever reads them in this order. */
  opensFiles?: boolean;
  /** Looks at files, or reads small ones, ahead of the walk. */
  pool?: FilePool;
  /** Walk only to this entry, and to what is beneath it. */
  only?: BytePath | undefined;
  /** Not together with a pool, with which entries are found ahead of the walk. */
  observer?: WalkObserver | undefined;
}

/** Learns what the rules decide, and what is therefore not sent. */
export interface WalkObserver {
  /** An entry is there; if it is ignored, it is a directory that is entered because of an exception. */
  onDecided(entry: SourceEntry, decision: Decision): void;
  /** An ignored entry is not looked at, nor is anything beneath it. */
  onPruned(directory: OpenDirectory, path: BytePath, decision: Decision): void;
  /** Nothing beneath an ignored directory is sent, so it is not sent either. */
  onEmptied(entry: SourceEntry, match: DirectoryMatch): void;
}

/**
 * Walks a context in the order in which it is sent: parents first, '/' before every other byte.
 * Nothing outside the root is reached: no symlink is followed, and directories are held open while
 * their children are visited. Ignored entries are not visited, unless an exception could match
 * beneath them; the directories above a re-included entry are included.
 *
 * @param root resolved by the caller; the root directory itself is the first entry, with path ''
 * @throws CtxsyncError source-unreadable, source-changed, over-limit; naming the path
 */
export function* walk(root: BytePath, options: WalkOptions): Generator<SourceEntry> {
  options.status.enter('scanning', root);
  const position = new Walk(openSource(root, root), options);
  try {
    yield position.root(root);
    position.enterRoot();
    for (let entry = position.next(); entry !== undefined; entry = position.next()) yield entry;
    options.unreadable.end();
    // Not if the walk fails or is abandoned: a transfer that ends waits for no other program.
    options.attributes?.end();
  } finally {
    position.close();
  }
}

/** A directory that is being visited: the current one or one above it. */
interface Level {
  names: Names;
  /** Those that are regular files, as far as the directory says so; undefined if it was not asked. */
  files: ReadonlySet<BytePath> | undefined;
  path: BytePath;
  directory: OpenDirectory;
  match: DirectoryMatch;
  /** Index of the next name. */
  next: number;
  /** Its own entry, if it is ignored, and so sent only if something beneath it is sent. */
  ignored: FoundEntry | undefined;
}

/** A directory that was found and is to be entered next. */
interface Found {
  parent: OpenDirectory;
  name: BytePath;
  entry: FoundEntry;
  match: DirectoryMatch;
  ignored: boolean;
}

/**
 * A position in a context. Each step looks at one name. Where calls are slow, steps run ahead of the entries
 * that are returned: what a step finds then has its turn behind calls of the pool.
 */
class Walk {
  readonly #options: WalkOptions;
  readonly #entries: SourceEntries;
  readonly #pool: FilePool;
  readonly #root: OpenDirectory;
  readonly #levels: Level[] = [];
  #found: Found | undefined;
  /** The ignored directories above what comes next. */
  readonly #pending: FoundEntry[] = [];
  /** What next() returns. */
  readonly #ready: FoundEntry[] = [];
  #current: SourceEntry | undefined;
  #stopped = false;

  constructor(root: OpenDirectory, options: WalkOptions) {
    this.#options = options;
    this.#pool = options.pool ?? new FilePool(options.status);
    this.#entries = new SourceEntries(options, this.#pool);
    this.#root = root;
  }

  root(path: BytePath): SourceEntry {
    return this.#entries.root(this.#root, path, this.#options.identity);
  }

  enterRoot(): void {
    this.#push(this.#root, '', this.#options.rules.root(), undefined);
  }

  /** The next entry, valid until the one after it; undefined at the end. */
  next(): SourceEntry | undefined {
    if (this.#current !== undefined) closeOpened(this.#current);
    this.#current = undefined;
    while (this.#ready.length === 0) {
      if (this.#pool.isOpen) this.#lookAhead();
      if (this.#pool.isBusy) this.#pool.settleFirst();
      else if (this.#ready.length === 0 && !this.#step()) return undefined;
    }
    const found = this.#ready.shift()!;
    try {
      this.#current = this.#entries.travels(found);
    } catch (error) {
      this.#options.unreadable.add(error, found.path);
    }
    return this.#current;
  }

  /** Closes everything, wherever the walk has ended. */
  close(): void {
    this.#pool.close();
    if (this.#current !== undefined) closeOpened(this.#current);
    this.#ready.forEach(closeOpened);
    for (const { directory } of this.#levels.slice(1)) directory.close();
    this.#root.close();
  }

  /** Steps on while the pool takes what is found. An error has its turn, too. */
  #lookAhead(): void {
    try {
      while (this.#pool.hasRoom && this.#ready.length === 0 && this.#step());
    } catch (error) {
      this.#stopped = true;
      this.#later(() => {
        throw error;
      });
    }
  }

  /** Goes on by one name, into a directory, or out of one. False: nothing is left. */
  #step(): boolean {
    if (this.#stopped) return false;
    if (this.#found !== undefined) {
      this.#enter(this.#found);
      return true;
    }
    const level = this.#levels.at(-1);
    if (level === undefined) return false;
    const name = level.names.at(level.next);
    if (name === undefined) this.#leave(level);
    else {
      level.next += 1;
      this.#visit(level, name);
    }
    return true;
  }

  #visit(level: Level, name: BytePath): void {
    const { rules, status, observer, opensFiles = false } = this.#options;
    const path = joinPath(level.path, name);
    // OUT may be inside the context: then a stage would be sent into itself.
    if (isWorkName(name)) return this.#options.onSkipped(path, "a receiver's own work file");
    const match = rules.decide(path, level.match);
    const { ignored } = match;
    if (ignored && !rules.couldIncludeBeneath(path, match)) {
      return observer?.onPruned(level.directory, path, match);
    }
    if (this.#pool.isOpen) level.files ??= filesIn(level.directory);
    const isFile = !ignored && level.files?.has(name) === true;
    if (isFile && this.#pool.isOpen && this.#callFor(level.directory, path, name)) return;
    const opens = isFile && opensFiles;
    status.enter(opens ? 'reading' : 'scanning', path);
    const entry = this.#child(level.directory, path, name, { ignored, opens });
    if (entry === undefined) {
      if (ignored) observer?.onPruned(level.directory, path, match);
      return;
    }
    observer?.onDecided(entry, match);
    if (entry.kind === 'directory') {
      this.#found = { parent: level.directory, name, entry, match, ignored };
    }
    if (!this.#pool.isBusy) return this.#take(entry, ignored);
    this.#pool.add({ settle: () => this.#take(entry, ignored), drop: () => closeOpened(entry) });
  }

  /** An entry has its turn. */
  #take(entry: FoundEntry, ignored: boolean): void {
    if (ignored) return void this.#pending.push(entry);
    if (this.#pending.length > 0) this.#ready.push(...this.#pending.splice(0));
    this.#ready.push(entry);
  }

  #child(...found: Parameters<SourceEntries['child']>): FoundEntry | undefined {
    const [, path] = found;
    try {
      return this.#entries.child(...found);
    } catch (error) {
      this.#later(() => this.#options.unreadable.add(error, path));
      return undefined;
    }
  }

  /** Has the pool look at a file, or read it. False: it cannot. */
  #callFor(directory: OpenDirectory, path: BytePath, name: BytePath): boolean {
    const { opensFiles = false } = this.#options;
    const kind = opensFiles ? 'read' : 'look';
    const slot = directory.held ? this.#pool.slotFor(kind, directory.fd, path) : undefined;
    if (slot === undefined) return false;
    this.#pool.add({ slot, settle: () => this.#settle(slot, directory, path, name) });
    return true;
  }

  /** What the pool did not find to be a plain small file is looked at again, as without a pool. */
  #settle(slot: Slot, directory: OpenDirectory, path: BytePath, name: BytePath): void {
    const { opensFiles = false, status } = this.#options;
    let entry: FoundEntry | undefined;
    if (slot.outcome === OK && slot.stats.isFile()) {
      entry = this.#entries.ahead(
        directory,
        path,
        name,
        slot.stats,
        opensFiles ? slot.content : undefined,
      );
    } else {
      status.enter(opensFiles ? 'reading' : 'scanning', path);
      entry = this.#child(directory, path, name, { ignored: false, opens: opensFiles });
      // The walk has gone on: it is too late to enter it.
      if (entry?.kind === 'directory') throw sourceChanged(path, 'was replaced');
    }
    if (entry !== undefined) this.#take(entry, false);
  }

  #enter({ parent, name, entry, match, ignored }: Found): void {
    const { status, unreadable } = this.#options;
    const { path } = entry;
    this.#found = undefined;
    if (this.#levels.length === MAX_DEPTH) throw tooDeep(path);
    status.enter('scanning', path);
    let directory: OpenDirectory;
    try {
      directory = openChild(parent, name, entry);
    } catch (error) {
      // An ignored directory that cannot be opened does not matter; a replaced parent does.
      if (!ignored || !parent.verify()) this.#later(() => unreadable.add(error, path));
      return this.#later(() => this.#forget(entry, match));
    }
    this.#push(directory, path, match, ignored ? entry : undefined);
  }

  #push(
    directory: OpenDirectory,
    path: BytePath,
    match: DirectoryMatch,
    ignored: FoundEntry | undefined,
  ): void {
    const { names, files } = this.#list(directory, path);
    this.#levels.push({ names, files, path, directory, match, next: 0, ignored });
  }

  /** The kinds of the names take longer: only where they save calls. */
  #list(directory: OpenDirectory, path: BytePath): Pick<Level, 'names' | 'files'> {
    const { opensFiles = false, unreadable, only } = this.#options;
    if (only !== undefined && isBeneath(only, path)) {
      return { names: [nameTowards(only, path)], files: NO_FILES };
    }
    try {
      if (opensFiles || this.#pool.isOpen) return directory.listing();
      return { names: directory.names(), files: undefined };
    } catch (error) {
      this.#later(() => unreadable.add(sourceError(error, 'list the directory', path), path));
      return { names: [], files: NO_FILES };
    }
  }

  /** Its directory stays open for the calls that were submitted. */
  #leave({ directory, ignored, match }: Level): void {
    this.#levels.pop();
    const close = (): void => {
      if (directory !== this.#root) directory.close();
    };
    const settle = (): void => {
      if (ignored !== undefined) this.#forget(ignored, match);
      close();
    };
    this.#pool.add({ settle, drop: close });
  }

  /** Nothing beneath an ignored directory is sent, so it is not sent either. */
  #forget(directory: FoundEntry, match: DirectoryMatch): void {
    if (this.#pending.at(-1) !== directory) return;
    this.#pending.pop();
    this.#options.observer?.onEmptied(directory, match);
  }

  /** Does something when its turn comes: at once, unless the walk is ahead. */
  #later(settle: () => void): void {
    this.#pool.add({ settle });
  }
}

/** The names that had been listed without kinds when the pool opened. */
function filesIn(directory: OpenDirectory): ReadonlySet<BytePath> {
  try {
    return directory.listing().files;
  } catch {
    return NO_FILES;
  }
}

function tooDeep(path: BytePath): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError('over-limit', `${text} lies deeper than ${MAX_DEPTH} directories`, {
    path: text,
  });
}
