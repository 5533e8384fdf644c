import { chmodSync, lstatSync, readdirSync, type BigIntStats } from 'node:fs';
import { joinPath, toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { destinationError } from '../disk/system-error.ts';
import { isWorkName } from '../entry.ts';
import { CtxsyncError } from '../errors.ts';
import { landingOf, stageTrash, stageTree, type Destination } from './destination.ts';
import { readEdits, type Edit } from './edits.ts';
import { fileKey } from './file-key.ts';
import { folderMetadata, setFolderMetadata, type FolderMetadata } from './folder-metadata.ts';
import { releaseLock } from './lock.ts';
import { removeTree } from './remove-tree.ts';
import { UndoLog } from './undo-log.ts';

export interface CommitOptions {
  /** Take out of OUT what the contexts do not have. */
  delete: boolean;
  /** Contexts of which the stage has only what changed. */
  compared: ComparedContext[];
  /** Mode and time that OUT gets; absent where no context told of its own root. */
  root: FolderMetadata | undefined;
}

export interface ComparedContext {
  /** The folder in OUT that it becomes; '' is OUT itself. */
  name: BytePath;
  /** Where its edits were kept. */
  edits: BytePath;
}

export interface CommitResult {
  /** Entries of OUT, folders counted as one, that --delete took out. */
  removed: number;
  /** What could not be done after all was in place. */
  warnings: string[];
}

/**
 * Grafts the stage onto OUT: what OUT lacks is renamed into it whole, a folder on both sides is
 * entered, a file takes a file's place by rename(2), and what is in the way of another kind goes to
 * the stage's trash. No symlink in OUT is followed. When a step fails, all that were done are
 * undone, and OUT is as it was.
 *
 * @throws CtxsyncError no-space, not-writable; naming the path
 */
export function commit(
  destination: Destination,
  options: CommitOptions,
  gauge: Gauge,
): CommitResult {
  const graft = new Graft(destination, options, gauge);
  try {
    gauge.enter('committing', destination.out);
    graft.run();
  } catch (error) {
    graft.undo();
    throw error;
  }
  const { out, stage, remains, lock } = destination;
  const warnings: string[] = [];
  for (const each of [stage, ...remains]) {
    afterwards(warnings, 'remove the stage', each, () => removeTree(each, gauge));
  }
  afterwards(warnings, 'release the lock', lock.path, () => releaseLock(lock));
  const { root } = options;
  if (root !== undefined) {
    afterwards(warnings, 'set mode and time of', out, () => setFolderMetadata(out, root));
  }
  return { removed: graft.removed, warnings };
}

/** The context is in place: what fails now is worth a word, but no longer the transfer. */
function afterwards(warnings: string[], doing: string, path: BytePath, run: () => void): void {
  try {
    run();
  } catch (error) {
    warnings.push(destinationError(error, doing, path).message);
  }
}

class Graft {
  removed = 0;
  readonly #destination: Destination;
  readonly #options: CommitOptions;
  /**
   * Folders that contexts were compared with: what the stage lacks there is right. By their keys, as
   * the disk may have another spelling of their names.
   */
  readonly #bases = new Set<string>();
  /** Folders in them of which the stage has everything. */
  readonly #wholes = new Set<BytePath>();
  readonly #gauge: Gauge;
  readonly #log: UndoLog;

  constructor(destination: Destination, options: CommitOptions, gauge: Gauge) {
    this.#destination = destination;
    this.#options = options;
    this.#gauge = gauge;
    this.#log = new UndoLog(stageTrash(destination));
  }

  /**
   * What is to go goes before anything comes: a disk that does not tell upper and lower case apart, or
   * composes letters in its own way, would give us `README` for the `readme` that is to go.
   */
  run(): void {
    const { out } = this.#destination;
    const { delete: mirror, compared } = this.#options;
    if (mirror) {
      for (const { name } of compared) this.#addBase(landingOf(this.#destination, name));
      for (const context of compared) this.#remove(context);
    }
    const mirrors = mirror && !this.#isBase(look(out));
    this.#folder(stageTree(this.#destination), out, '', mirrors);
    for (const context of compared) this.#linkUp(context);
  }

  undo(): void {
    this.#log.undo();
  }

  /**
   * @param path of the folder within OUT, for people
   * @param mirrors the stage has all that is to be in it: what else is there goes
   */
  #folder(from: BytePath, to: BytePath, path: BytePath, mirrors: boolean): void {
    const names = new Set(readdirSync(toFsPath(from), { encoding: 'latin1' }));
    if (mirrors) this.#removeOthers(to, path, names);
    for (const name of names) {
      const child = joinPath(path, name);
      this.#step(child, () =>
        this.#child(joinPath(from, name), joinPath(to, name), child, mirrors),
      );
    }
  }

  #removeOthers(to: BytePath, path: BytePath, names: ReadonlySet<BytePath>): void {
    for (const name of readdirSync(toFsPath(to), { encoding: 'latin1' })) {
      if (names.has(name) || isWorkName(name)) continue;
      this.#step(joinPath(path, name), () => this.#removeEntry(joinPath(to, name)));
    }
  }

  /** What a comparison has found that the context lacks; and which folders the stage has whole. */
  #remove(context: ComparedContext): void {
    for (const { kind, path } of this.#edits(context)) {
      if (kind === 'whole') this.#wholes.add(path);
      if (kind !== 'remove') continue;
      this.#step(path, () => this.#inFolderOf(path, (at) => this.#removeEntry(at)));
    }
  }

  #removeEntry(at: BytePath): void {
    const stats = look(at);
    if (this.#isBase(stats)) return;
    this.#takeOut(at, stats);
    this.removed += 1;
  }

  /** New names of files that are there, in folders that may have come just now. */
  #linkUp(context: ComparedContext): void {
    for (const edit of this.#edits(context)) {
      if (edit.kind !== 'link') continue;
      const { path, link } = edit;
      this.#step(path, () => this.#link(path, joinPath(context.name, link)));
    }
  }

  /** Their paths are within OUT. */
  *#edits({ name, edits }: ComparedContext): Generator<Edit> {
    this.#gauge.enter('committing', this.#destination.out);
    for (const edit of readEdits(edits)) yield { ...edit, path: joinPath(name, edit.path) };
  }

  #addBase(base: BytePath): void {
    const stats = look(base);
    if (stats?.isDirectory() === true) this.#bases.add(fileKey(stats));
  }

  #isBase(stats: BigIntStats | undefined): boolean {
    return stats !== undefined && this.#bases.has(fileKey(stats));
  }

  #link(path: BytePath, target: BytePath): void {
    this.#inFolderOf(path, (at) => {
      const there = look(at);
      if (there !== undefined) this.#takeOut(at, there);
      this.#log.link(joinPath(this.#destination.out, target), at);
    });
  }

  /** Changes something in a folder that is finished: its mode and time stay as they are. */
  #inFolderOf(path: BytePath, change: (at: BytePath) => void): void {
    const at = joinPath(this.#destination.out, path);
    // OUT need not be ours; its own mode and time come last, and need not succeed.
    if (!path.includes('/')) return change(at);
    const folder = at.slice(0, at.lastIndexOf('/'));
    const stats = look(folder);
    if (stats?.isDirectory() !== true) throw changed(folder);
    this.#log.metadata(folder, folderMetadata(stats));
    open(folder, stats);
    change(at);
    this.#finish(folder, stats);
  }

  #child(from: BytePath, to: BytePath, path: BytePath, mirrors: boolean): void {
    const ours = look(from);
    const theirs = look(to);
    if (ours === undefined) throw new Error(`the stage lost ${toText(path)}`);
    if (ours.isDirectory() && theirs?.isDirectory() === true) {
      const mirrored = this.#wholes.has(path) || (mirrors && !this.#isBase(theirs));
      this.#merge(from, ours, to, theirs, () => this.#folder(from, to, path, mirrored));
      return;
    }
    if (theirs !== undefined) {
      // rename(2) replaces a file by a file, and leaves no moment without either.
      if (theirs.isFile() && !ours.isDirectory()) this.#log.keep(to);
      else this.#takeOut(to, theirs);
    }
    this.#rename(from, ours, to);
  }

  #merge(
    from: BytePath,
    ours: BigIntStats,
    to: BytePath,
    theirs: BigIntStats,
    graft: () => void,
  ): void {
    open(from, ours);
    this.#log.metadata(to, folderMetadata(theirs));
    open(to, theirs);
    graft();
    this.#finish(to, ours);
  }

  #takeOut(path: BytePath, stats: BigIntStats | undefined): void {
    // Who is not root may move a folder only with write permission on it.
    if (stats?.isDirectory() === true && (stats.mode & 0o200n) === 0n) {
      this.#log.metadata(path, folderMetadata(stats));
      open(path, stats);
    }
    this.#log.takeOut(path);
  }

  #rename(from: BytePath, ours: BigIntStats, to: BytePath): void {
    const closed = ours.isDirectory() && (ours.mode & 0o200n) === 0n;
    if (closed) open(from, ours);
    this.#log.place(from, to);
    if (closed) this.#finish(to, ours);
  }

  /** What is undone later has to find the folder open, to move it or what is in it. */
  #finish(folder: BytePath, ours: BigIntStats): void {
    const metadata = folderMetadata(ours);
    this.#log.metadata(folder, { ...metadata, mode: 0o700 });
    setFolderMetadata(folder, metadata);
  }

  #step(path: BytePath, run: () => void): void {
    this.#gauge.enter('committing', path);
    try {
      run();
    } catch (error) {
      throw destinationError(error, 'put in place', path);
    }
  }
}

function changed(folder: BytePath): CtxsyncError {
  const text = toText(folder);
  const message = `${text} is no folder any more: something else changes OUT; send again`;
  return new CtxsyncError('not-writable', message, { path: text });
}

function look(path: BytePath): BigIntStats | undefined {
  return lstatSync(toFsPath(path), { bigint: true, throwIfNoEntry: false });
}

/** Lets us list and change a folder that its mode keeps us out of. */
function open(path: BytePath, stats: BigIntStats): void {
  if ((stats.mode & 0o700n) !== 0o700n) chmodSync(toFsPath(path), 0o700);
}
