import { isBeneath, joinPath, splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { OpenDirectory } from '../disk/open-directory.ts';
import { sourceChanged } from '../disk/system-error.ts';
import {
  isWorkName,
  type EntryKind,
  type SourceEntry,
  type Want,
  type WantSource,
} from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import type { DirectoryMatch } from '../ignore/ignore-rules.ts';
import { FilePool } from '../pool/file-pool.ts';
import { closeOpened, openChild, openSource, SourceEntries } from './source-entries.ts';
import { stampOf } from './stamp.ts';
import type { WalkOptions } from './walk.ts';

/**
 * Walks a context again and visits only the entries that the receiver wants. Entries that the rules
 * ignore are not sent even if they are wanted; an entry that is no longer what was listed fails the
 * transfer.
 *
 * @param root as for walk()
 * @throws CtxsyncError source-unreadable, source-changed; corrupt, if a wanted entry was never offered
 */
export function* walkWanted(
  root: BytePath,
  wants: WantSource,
  options: WalkOptions,
): Generator<SourceEntry> {
  const first = wants.peek();
  if (first === undefined) return;
  if (first.path !== '') throw notOffered(first.path);
  wants.take();
  const entries = new SourceEntries(options, new FilePool(options.status));
  options.status.enter('scanning', root);
  const directory = openSource(root, root);
  try {
    const entry = entries.root(directory, root, options.identity);
    checkListed(first, entry);
    yield entry;
    yield* new WantedWalk(wants, entries, options).children(directory, '', options.rules.root());
    options.unreadable.end();
  } finally {
    directory.close();
  }
  const left = wants.peek();
  if (left !== undefined) throw notOffered(left.path);
}

class WantedWalk {
  readonly #wants: WantSource;
  readonly #entries: SourceEntries;
  readonly #options: WalkOptions;

  constructor(wants: WantSource, entries: SourceEntries, options: WalkOptions) {
    this.#wants = wants;
    this.#entries = entries;
    this.#options = options;
  }

  /** Descends as the wants do: a directory comes before its contents. */
  *children(
    directory: OpenDirectory,
    path: BytePath,
    match: DirectoryMatch,
  ): Generator<SourceEntry> {
    const { rules, status } = this.#options;
    for (;;) {
      const want = this.#wants.peek();
      if (want === undefined) return;
      const [parent, name] = splitPath(want.path);
      if (parent !== path) return;
      checkName(want, name);
      const child = joinPath(path, name);
      // "/a" splits as "a" does.
      if (child !== want.path) throw notOffered(want.path);
      const decision = rules.decide(child, match);
      const travels = !decision.ignored || rules.couldIncludeBeneath(child, decision);
      if (!travels) throw notOffered(child);
      const opens = want.kind === 'file' && !decision.ignored;
      status.enter(opens ? 'reading' : 'scanning', child);
      const how = { ignored: decision.ignored, opens };
      const found = this.#entries.child(directory, child, name, how);
      if (found === undefined) throw sourceChanged(child, 'was replaced');
      const entry = this.#entries.travels(found);
      try {
        checkListed(want, entry);
        this.#wants.take();
        yield entry.kind === 'file' ? { ...entry, omitIf: want.sha256 } : entry;
      } finally {
        closeOpened(entry);
      }
      if (entry.kind === 'directory') yield* this.#enter(directory, entry, name, decision);
      else this.#checkNothingBeneath(child);
    }
  }

  /** A path wanted beneath this one was offered, so this one was a directory then. */
  #checkNothingBeneath(path: BytePath): void {
    const next = this.#wants.peek();
    if (next !== undefined && isBeneath(next.path, path)) {
      throw sourceChanged(path, 'was replaced');
    }
  }

  *#enter(
    parent: OpenDirectory,
    entry: SourceEntry,
    name: BytePath,
    match: DirectoryMatch,
  ): Generator<SourceEntry> {
    this.#options.status.enter('scanning', entry.path);
    const directory = openChild(parent, name, entry);
    try {
      yield* this.children(directory, entry.path, match);
    } finally {
      directory.close();
    }
  }
}

/** A name that leads out of its directory was never offered, nor was a receiver's work name. */
function checkName({ path }: Want, name: BytePath): void {
  if (name === '' || name === '.' || name === '..' || isWorkName(name)) throw notOffered(path);
}

/** The receiver compared and requested the listed entry: nothing else may replace it. */
function checkListed(want: Want, { path, kind, identity }: SourceEntry): void {
  if (kind !== want.kind) {
    throw sourceChanged(path, `was ${NAMES[want.kind]} and became ${NAMES[kind]}`);
  }
  if (stampOf(kind, identity) === want.stamp) return;
  throw sourceChanged(path, kind === 'file' ? 'was replaced or written to' : 'was replaced');
}

const NAMES: Record<EntryKind, string> = {
  file: 'a file',
  directory: 'a directory',
  symlink: 'a symlink',
  hardlink: 'a hardlink',
};

function notOffered(path: BytePath): CtxsyncError {
  const text = toText(path);
  const message = `the receiver wants ${text === '' ? './' : text}, which it was not offered`;
  return new CtxsyncError('corrupt', message, { path: text });
}
