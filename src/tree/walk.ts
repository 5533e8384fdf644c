import { isBeneath, joinPath, nameTowards, toText, type BytePath } from '../disk/byte-path.ts';
import { NO_FILES, type Listing } from '../disk/names.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { OpenDirectory } from '../disk/open-directory.ts';
import { sourceError } from '../disk/system-error.ts';
import type { Inode } from '../disk/inode.ts';
import type { UnreadablePaths } from '../disk/unreadable-paths.ts';
import { isWorkName, type SourceEntry } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_DEPTH } from '../limits.ts';
import type { Decision, DirectoryMatch, IgnoreRules } from '../ignore/ignore-rules.ts';
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
  /** Walk only to this entry, and to what is beneath it. */
  only?: BytePath | undefined;
  observer?: WalkObserver | undefined;
}

/** Learns what the rules decide, and what is therefore not sent. */
export interface WalkObserver {
  /** An entry is there; if it is ignored, it is a directory that is entered because of an exception. */
  onDecided(entry: SourceEntry, decision: Decision): void;
  /** An ignored entry is not looked at, nor is anything beneath it. */
  onPruned(directory: OpenDirectory, path: BytePath, name: BytePath, decision: Decision): void;
  /** Nothing beneath an ignored directory is sent, so it is not sent either. */
  onEmptied(entry: SourceEntry, decision: Decision): void;
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
export function walk(root: BytePath, options: WalkOptions): Generator<SourceEntry> {
  return new Walk(options).root(root);
}

class Walk {
  readonly #options: WalkOptions;
  readonly #entries: SourceEntries;
  /** The current entry, and the ignored directories above it, which are sent if it is sent. */
  readonly #pending: FoundEntry[] = [];

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#entries = new SourceEntries(options);
  }

  *root(path: BytePath): Generator<SourceEntry> {
    this.#options.status.enter('scanning', path);
    const directory = openSource(path, path);
    try {
      yield this.#entries.root(directory, path, this.#options.identity);
      yield* this.#children(directory, '', this.#options.rules.root(), 1);
      this.#options.unreadable.end();
      // Not if the walk fails or is abandoned: a transfer that ends waits for no other program.
      this.#options.attributes?.end();
    } finally {
      directory.close();
    }
  }

  *#children(
    directory: OpenDirectory,
    path: BytePath,
    match: DirectoryMatch,
    depth: number,
  ): Generator<SourceEntry> {
    const { rules, status, observer } = this.#options;
    const { names, files } = this.#list(directory, path);
    for (const name of names) {
      const child = joinPath(path, name);
      // OUT may be inside the context: then a stage would be sent into itself.
      if (isWorkName(name)) {
        this.#options.onSkipped(child, "a receiver's own work file");
        continue;
      }
      const decision = rules.decide(child, match);
      if (decision.ignored && !rules.couldIncludeBeneath(child, decision)) {
        observer?.onPruned(directory, child, name, decision);
        continue;
      }
      const opens = !decision.ignored && files.has(name);
      status.enter(opens ? 'reading' : 'scanning', child);
      const entry = this.#child(directory, child, name, { ignored: decision.ignored, opens });
      if (entry === undefined) {
        if (decision.ignored) observer?.onPruned(directory, child, name, decision);
        continue;
      }
      observer?.onDecided(entry, decision);
      const pendingBefore = this.#pending.length;
      this.#pending.push(entry);
      if (!decision.ignored) yield* this.#travelling();
      if (entry.kind !== 'directory') continue;
      yield* this.#enter(directory, entry, name, decision, depth + 1, decision.ignored);
      if (this.#pending.length <= pendingBefore) continue;
      // Nothing beneath it is sent, so it is not sent either.
      this.#pending.length = pendingBefore;
      observer?.onEmptied(entry, decision);
    }
  }

  /** Where no files are to be opened, none are listed as such. */
  #list(directory: OpenDirectory, path: BytePath): Listing {
    const { only } = this.#options;
    if (only !== undefined && isBeneath(only, path)) {
      return { names: [nameTowards(only, path)], files: NO_FILES };
    }
    try {
      if (this.#options.opensFiles === true) return directory.listing();
      return { names: directory.names(), files: NO_FILES };
    } catch (error) {
      this.#options.unreadable.add(sourceError(error, 'list the directory', path), path);
      return { names: [], files: NO_FILES };
    }
  }

  #child(...found: Parameters<SourceEntries['child']>): FoundEntry | undefined {
    const [, path] = found;
    try {
      return this.#entries.child(...found);
    } catch (error) {
      this.#options.unreadable.add(error, path);
      return undefined;
    }
  }

  *#travelling(): Generator<SourceEntry> {
    for (const entry of this.#pending.splice(0)) {
      try {
        yield this.#entries.travels(entry);
      } finally {
        closeOpened(entry);
      }
    }
  }

  *#enter(
    parent: OpenDirectory,
    entry: SourceEntry,
    name: BytePath,
    match: DirectoryMatch,
    depth: number,
    ignored: boolean,
  ): Generator<SourceEntry> {
    const { path } = entry;
    if (depth > MAX_DEPTH) {
      throw new CtxsyncError(
        'over-limit',
        `${toText(path)} lies deeper than ${MAX_DEPTH} directories`,
        {
          path: toText(path),
        },
      );
    }
    this.#options.status.enter('scanning', path);
    let directory: OpenDirectory;
    try {
      directory = openChild(parent, name, entry);
    } catch (error) {
      // An ignored directory that cannot be opened does not matter; a replaced parent does.
      if (!ignored || !parent.verify()) this.#options.unreadable.add(error, path);
      return;
    }
    try {
      yield* this.#children(directory, path, match, depth);
    } finally {
      directory.close();
    }
  }
}
