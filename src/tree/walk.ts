import { joinPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/worker-status.ts';
import type { OpenFolder } from '../disk/open-directory.ts';
import { sourceError } from '../disk/system-error.ts';
import type { Inode } from '../disk/inode.ts';
import type { UnreadablePaths } from '../disk/unreadable-paths.ts';
import { isWorkName, type SourceEntry } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_DEPTH } from '../limits.ts';
import type { FolderMatch, IgnoreRules } from '../ignore/ignore-rules.ts';
import {
  openChild,
  openSource,
  SourceEntries,
  type FoundEntry,
  type SourceEntryOptions,
} from './source-entries.ts';

export interface WalkOptions extends SourceEntryOptions {
  rules: IgnoreRules;
  /** Which directory the root was when the rules were read. */
  identity?: Inode | undefined;
  /** Takes what the walk, and whoever reads what it yields, cannot read: then nothing travels. */
  unreadable: UnreadablePaths;
  gauge: Gauge;
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
  readonly #entries: SourceEntries;
  /** The entry at hand, and the ignored folders above it: those come along if it travels. */
  readonly #pending: FoundEntry[] = [];

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#entries = new SourceEntries(options);
  }

  *root(path: BytePath): Generator<SourceEntry> {
    this.#options.gauge.enter('scanning', path);
    const folder = openSource(path, path);
    try {
      yield this.#entries.root(folder, path, this.#options.identity);
      yield* this.#children(folder, '', this.#options.rules.root(), 1);
      this.#options.unreadable.end();
      // Not where the walk fails or is left: a transfer that ends waits for no other program.
      this.#options.attributes?.end();
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
    for (const name of this.#list(folder, path)) {
      const child = joinPath(path, name);
      // OUT may lie inside the context: then a stage would be sent into itself.
      if (isWorkName(name)) {
        this.#options.onSkipped(child, "a receiver's own work file");
        continue;
      }
      const decision = rules.decide(child, match);
      if (decision.ignored && !rules.couldIncludeBeneath(child, decision)) continue;
      gauge.enter('scanning', child);
      const entry = this.#child(folder, child, name, decision.ignored);
      if (entry === undefined) continue;
      const pendingBefore = this.#pending.length;
      this.#pending.push(entry);
      if (!decision.ignored) yield* this.#travelling();
      if (entry.kind !== 'folder') continue;
      yield* this.#enter(folder, entry, name, decision, depth + 1, decision.ignored);
      // Nothing beneath it travels, so it does not either.
      if (this.#pending.length > pendingBefore) this.#pending.length = pendingBefore;
    }
  }

  #list(folder: OpenFolder, path: BytePath): BytePath[] {
    try {
      return folder.names();
    } catch (error) {
      this.#options.unreadable.add(sourceError(error, 'list the folder', path), path);
      return [];
    }
  }

  #child(
    folder: OpenFolder,
    path: BytePath,
    name: BytePath,
    ignored: boolean,
  ): FoundEntry | undefined {
    try {
      return this.#entries.child(folder, path, name, ignored);
    } catch (error) {
      this.#options.unreadable.add(error, path);
      return undefined;
    }
  }

  *#travelling(): Generator<SourceEntry> {
    for (const entry of this.#pending.splice(0)) yield this.#entries.travels(entry);
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
      folder = openChild(parent, name, entry);
    } catch (error) {
      // What is ignored and cannot be opened is nobody's business; a parent that is another one is.
      if (!ignored || !parent.verify()) this.#options.unreadable.add(error, path);
      return;
    }
    try {
      yield* this.#children(folder, path, match, depth);
    } finally {
      folder.close();
    }
  }
}
