import { isBeneath, type BytePath } from '../disk/byte-path.ts';
import type { Inode } from '../disk/inode.ts';
import type { OpenDirectory } from '../disk/open-directory.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { SourceEntry } from '../entry/entry.ts';
import { CtxsyncError, type ErrorCode } from '../errors.ts';
import type { Decision, DirectoryMatch, IgnoreRules } from '../ignore/ignore-rules.ts';
import { walk, type WalkObserver } from '../tree/walk.ts';
import { IgnoredEntries, type IgnoredEntry } from './ignored-entries.ts';

export interface VisitOptions {
  /** Resolved. */
  root: BytePath;
  identity?: Inode | undefined;
  rules: IgnoreRules;
  status: WorkerStatus;
  /** Look into ignored directories, too. */
  measureIgnored: boolean;
  /** Visit only this path, and what is beneath it. */
  only?: BytePath | undefined;
}

/** Learns what becomes of each path of a context, in the order of the walk. */
export interface ContextVisitor {
  /**
   * It is sent. A directory may be sent although it is ignored, for something beneath it: it comes when
   * that is found, after the ignored entries before that.
   * @param place of the rule that decides; -1: none does
   */
  onSent(entry: SourceEntry, place: number): void;
  /** It is not sent, because a rule ignores it. */
  onIgnored(entry: IgnoredEntry, place: number): void;
  /** An ignored directory is looked through because of an exception, whose place this is. */
  onScanned?(path: BytePath, exception: number): void;
  /** It is not sent, because of its kind or its name. */
  onSkipped(path: BytePath, reason: string): void;
  /** A transfer would fail here. */
  onUnreadable(path: BytePath, reason: string): void;
}

/** What fails a transfer, and not an explanation. */
const TOLERATED = new Set<ErrorCode>(['source-unreadable', 'source-changed', 'over-limit']);

/**
 * Walks a context as a transfer does, and tells the visitor what becomes of each path, of ignored ones too.
 * @returns whether all that is ignored was visited
 * @throws CtxsyncError source-unreadable, source-changed: of the root; interrupted
 */
export function visitContext(options: VisitOptions, visitor: ContextVisitor): boolean {
  return new Visit(options, visitor).run();
}

class Visit implements WalkObserver {
  readonly #options: VisitOptions;
  readonly #visitor: ContextVisitor;
  readonly #ignored: IgnoredEntries;
  /** The places that decided the entry that comes next, and the ignored directories above it. */
  readonly #places = new Map<BytePath, number>();

  constructor(options: VisitOptions, visitor: ContextVisitor) {
    this.#options = options;
    this.#visitor = visitor;
    this.#ignored = new IgnoredEntries(options, (entry, place) => this.#onIgnored(entry, place));
  }

  run(): boolean {
    const { root, identity, rules, status, only } = this.#options;
    const entries = walk(root, {
      rules,
      identity,
      status,
      only,
      observer: this,
      onSkipped: (path, reason) => this.#visitor.onSkipped(path, reason),
      onChanged: () => {},
      unreadable: { add: (error, path) => this.#tolerate(error, path), end: () => {} },
    });
    for (const entry of entries) {
      const { path } = entry;
      if (path === '' || !this.#isAskedFor(path)) continue;
      const place = this.#places.get(path) ?? -1;
      this.#places.delete(path);
      status.addEntry();
      this.#visitor.onSent(entry, place);
    }
    return this.#ignored.complete;
  }

  onDecided({ path }: SourceEntry, decision: Decision): void {
    this.#places.set(path, decision.place);
    if (!decision.ignored) return;
    this.#visitor.onScanned?.(path, this.#options.rules.exceptionBeneath(path, decision));
  }

  onPruned(directory: OpenDirectory, path: BytePath, decision: Decision): void {
    this.#ignored.visit(directory, path, decision);
  }

  onEmptied({ path }: SourceEntry, { place }: DirectoryMatch): void {
    this.#places.delete(path);
    this.#onIgnored({ path, isDirectory: true, bytes: 0 }, place);
  }

  #onIgnored(entry: IgnoredEntry, place: number): void {
    if (this.#isAskedFor(entry.path)) this.#visitor.onIgnored(entry, place);
  }

  #isAskedFor(path: BytePath): boolean {
    const { only } = this.#options;
    return only === undefined || path === only || isBeneath(path, only);
  }

  #tolerate(thrown: unknown, path: BytePath): void {
    const error = CtxsyncError.from(thrown);
    if (!TOLERATED.has(error.code)) throw error;
    this.#visitor.onUnreadable(path, error.message);
  }
}
