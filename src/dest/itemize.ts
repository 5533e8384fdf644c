import { constants, readSync, type BigIntStats } from 'node:fs';
import { joinPath, splitPath, type BytePath } from '../disk/byte-path.ts';
import { closeRead } from '../disk/close-read.ts';
import { Descent } from '../disk/descent.ts';
import { errnoOf } from '../disk/errno.ts';
import { metadataOf, type HeldDirectory, type Metadata } from '../disk/held-directory.ts';
import { destinationError } from '../disk/system-error.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { DELETED, type Item } from '../entry/item.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';
import type { ComparedContext } from './commit.ts';
import type { OpenDestination } from './destination.ts';
import { readLocalChanges, type MetadataChange } from './local-changes.ts';

export interface ItemizeOptions {
  /** Contexts of which the stage holds only the changes. */
  compared: readonly ComparedContext[];
  /** OUT itself: before, whether it was made, and what it becomes; absent if that is not set. */
  root: { before: Metadata; isNew: boolean; after: Metadata | undefined };
  /** List what goes with a directory that something else replaces: a mirror lists it with all that it deletes. */
  listsReplaced: boolean;
  status: WorkerStatus;
  onItem: (item: Item) => void;
}

/**
 * Finds what the commit will change in OUT, besides what a mirror deletes: walks over the stage and what
 * is in OUT in its place. What is written again as it was is no change.
 */
export function itemize(opened: OpenDestination, options: ItemizeOptions): void {
  const search = new Itemizing(opened, options);
  try {
    search.run();
  } finally {
    search.close();
  }
}

class Itemizing {
  readonly #opened: OpenDestination;
  readonly #options: ItemizeOptions;
  readonly #staged: Descent;
  readonly #out: Descent;

  constructor(opened: OpenDestination, options: ItemizeOptions) {
    this.#opened = opened;
    this.#options = options;
    this.#staged = new Descent(opened.tree);
    this.#out = new Descent(opened.out);
  }

  run(): void {
    this.#root();
    this.#children('', true);
    for (const context of this.#options.compared) this.#localChanges(context);
  }

  close(): void {
    this.#staged.close();
    this.#out.close();
  }

  #root(): void {
    const { before, isNew, after } = this.#options.root;
    if (isNew) this.#add('cd+++++++++', '.', true);
    else if (after !== undefined) this.#addIfDifferent('.d', differences(before, after), '.', true);
  }

  /** @param exists the current directory of the stage has a counterpart in OUT, which is current there */
  #children(path: BytePath, exists: boolean): void {
    for (const name of this.#staged.directory.names()) {
      const child = joinPath(path, name);
      this.#options.status.enter('committing', child);
      try {
        this.#child(name, child, exists);
      } catch (error) {
        throw destinationError(error, 'look at', child);
      }
    }
  }

  #child(name: BytePath, path: BytePath, exists: boolean): void {
    const ours = this.#staged.directory.look(name);
    if (ours === undefined) return;
    const theirs = exists ? this.#out.directory.look(name) : undefined;
    if (theirs === undefined || letterOf(theirs) !== letterOf(ours)) {
      if (theirs?.isDirectory() === true && this.#options.listsReplaced) this.#deleted(name, path);
      return this.#new(name, path, ours);
    }
    if (ours.isDirectory()) return this.#both(name, path, ours, theirs);
    const differ = differences(metadataOf(theirs), metadataOf(ours));
    if (ours.isSymbolicLink()) this.#symlink(name, path, { ...differ, p: false });
    else this.#file(name, path, { ours, theirs, differ });
  }

  #new(name: BytePath, path: BytePath, ours: BigIntStats): void {
    const isDirectory = ours.isDirectory();
    const made = ours.isFile() ? '>f' : `c${letterOf(ours)}`;
    this.#add(`${made}+++++++++`, path, isDirectory);
    if (isDirectory) this.#inStaged(name, ours, () => this.#children(path, false));
  }

  #both(name: BytePath, path: BytePath, ours: BigIntStats, theirs: BigIntStats): void {
    this.#addIfDifferent('.d', differences(metadataOf(theirs), metadataOf(ours)), path, true);
    const isEntered = this.#enter(name);
    this.#inStaged(name, ours, () => this.#children(path, isEntered));
    if (isEntered) this.#out.leave();
  }

  /** False: we may not, before the commit; so what is in it is taken for new. */
  #enter(name: BytePath): boolean {
    try {
      this.#out.enter(name);
      return true;
    } catch (error) {
      if (errnoOf(error) !== 'EACCES') throw error;
      return false;
    }
  }

  /** Modes of the stage are the context's, and may deny us access. */
  #inStaged(name: BytePath, ours: BigIntStats, run: () => void): void {
    const isClosed = (ours.mode & 0o500n) !== 0o500n;
    if (isClosed) this.#staged.directory.setChildMode(name, 0o700);
    this.#staged.enter(name);
    run();
    this.#staged.leave();
    if (isClosed) this.#staged.directory.setChildMode(name, metadataOf(ours).mode);
  }

  #symlink(name: BytePath, path: BytePath, differ: Differences): void {
    const isOther = this.#staged.directory.readLink(name) !== this.#out.directory.readLink(name);
    this.#addIfDifferent(isOther ? 'cL' : '.L', { ...differ, c: isOther }, path, false);
  }

  #file(
    name: BytePath,
    path: BytePath,
    { ours, theirs, differ }: { ours: BigIntStats; theirs: BigIntStats; differ: Differences },
  ): void {
    const s = ours.size !== theirs.size;
    if (s || differ.t || differ.p) return this.#add(codeOf('>f', { ...differ, s }), path, false);
    // It is compared with what it was only here, where nothing else tells whether it changes.
    const c = !isSameContent(this.#staged.directory, this.#out.directory, name);
    if (c) return this.#add(codeOf('>f', { c }), path, false);
    if (ours.nlink !== theirs.nlink) this.#add(codeOf('hf', {}), path, false);
  }

  /** What is in a directory that something else replaces. */
  #deleted(name: BytePath, path: BytePath): void {
    const names = this.#out.enterAndList(name);
    if (names === undefined) return;
    for (const child of names) {
      const childPath = joinPath(path, child);
      const isDirectory = this.#out.directory.look(child)?.isDirectory() === true;
      this.#add(DELETED, childPath, isDirectory);
      if (isDirectory) this.#deleted(child, childPath);
    }
    this.#out.leave();
  }

  /** What the stage has no entry for: new names, modes and times of files that are there. */
  #localChanges({ name: context, localChanges }: ComparedContext): void {
    for (const change of readLocalChanges(this.#opened.stage, localChanges)) {
      const path = joinPath(context, change.path);
      if (change.kind === 'link') this.#link(path, joinPath(context, change.link));
      if (change.kind === 'metadata') this.#metadata(path, change);
    }
  }

  #link(path: BytePath, link: BytePath): void {
    const [theirs, ours] = [this.#look(path), this.#look(link)];
    if (theirs === undefined || ours === undefined || letterOf(theirs) !== letterOf(ours)) {
      return this.#add(`h${letterOf(ours ?? theirs)}+++++++++`, path, false);
    }
    const differ = differences(metadataOf(theirs), metadataOf(ours));
    const s = ours.size !== theirs.size;
    this.#add(codeOf(`h${letterOf(ours)}`, { ...differ, s }), path, false);
  }

  #metadata(path: BytePath, after: MetadataChange): void {
    const theirs = this.#look(path);
    if (theirs === undefined) return;
    const differ = differences(metadataOf(theirs), after);
    const p = differ.p && !theirs.isSymbolicLink();
    this.#addIfDifferent(`.${letterOf(theirs)}`, { ...differ, p }, path, false);
  }

  #look(path: BytePath): BigIntStats | undefined {
    const [parent, name] = splitPath(path);
    try {
      this.#out.goTo(parent);
      return this.#out.directory.look(name);
    } catch (error) {
      if (NO_WAY.has(errnoOf(error))) return undefined;
      throw destinationError(error, 'look at', path);
    }
  }

  #addIfDifferent(what: string, differ: Differences, path: BytePath, isDirectory: boolean): void {
    if (Object.values(differ).some(Boolean)) this.#add(codeOf(what, differ), path, isDirectory);
  }

  #add(code: string, path: BytePath, isDirectory: boolean): void {
    this.#options.onItem({ code, path: isDirectory ? `${path}/` : path });
  }
}

const NO_WAY: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES']);

interface Differences {
  /** Content or link text. */
  c?: boolean;
  /** Size. */
  s?: boolean;
  /** Time. */
  t?: boolean;
  /** Mode. */
  p?: boolean;
}

/** The rest of rsync's letters are for what ctxsync does not keep. */
const NOT_KEPT = '.....';

function differences(before: Metadata, after: Metadata): { t: boolean; p: boolean } {
  return { t: before.mtimeUs !== after.mtimeUs, p: before.mode !== after.mode };
}

function codeOf(what: string, differ: Differences): string {
  const letters = (['c', 's', 't', 'p'] as const).map((each) =>
    differ[each] === true ? each : '.',
  );
  return `${what}${letters.join('')}${NOT_KEPT}`;
}

/** Of its kind, as in rsync(1). */
function letterOf(stats: BigIntStats | undefined): string {
  if (stats === undefined || stats.isFile()) return 'f';
  if (stats.isDirectory()) return 'd';
  return stats.isSymbolicLink() ? 'L' : 'S';
}

/** Two files of the same size. One that we may not read counts as another. */
function isSameContent(one: HeldDirectory, other: HeldDirectory, name: BytePath): boolean {
  const fds: number[] = [];
  try {
    for (const directory of [one, other]) fds.push(directory.openFile(name, constants.O_RDONLY));
    return isSameToTheEnd(fds[0]!, fds[1]!);
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return false;
    throw error;
  } finally {
    for (const fd of fds) closeRead(fd);
  }
}

function isSameToTheEnd(one: number, other: number): boolean {
  const [a, b] = [Buffer.alloc(IO_BUFFER_BYTES), Buffer.alloc(IO_BUFFER_BYTES)];
  for (let at = 0; ;) {
    const count = readSync(one, a, 0, a.length, at);
    const same = readSync(other, b, 0, b.length, at);
    if (count !== same || !a.subarray(0, count).equals(b.subarray(0, same))) return false;
    if (count === 0) return true;
    at += count;
  }
}
