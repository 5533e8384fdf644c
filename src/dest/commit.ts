import { chmodSync, lstatSync, readdirSync, type BigIntStats } from 'node:fs';
import { isBeneath, joinPath, toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { destinationError } from '../disk/system-error.ts';
import { isWorkName } from '../entry.ts';
import { releaseLock } from './lock.ts';
import { CtxsyncError } from '../errors.ts';
import { stageTrash, stageTree, type Destination } from './destination.ts';
import { readEdits } from './edits.ts';
import { folderMetadata, setFolderMetadata, type FolderMetadata } from './folder-metadata.ts';
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
    graft.folder(stageTree(destination), destination.out, '');
    for (const context of options.compared) graft.edit(context);
  } catch (error) {
    graft.undo();
    throw error;
  }
  const { out, stage, remains, lock } = destination;
  const warnings: string[] = [];
  for (const each of [stage, ...remains]) {
    afterwards(warnings, 'remove the stage', each, () => removeTree(each, gauge));
  }
  afterwards(warnings, 'release the lock', lock, () => releaseLock(lock));
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
  readonly #out: BytePath;
  readonly #options: CommitOptions;
  /** Folders of compared contexts of which the stage has everything. */
  readonly #wholes: BytePath[] = [];
  readonly #gauge: Gauge;
  readonly #log: UndoLog;

  constructor(destination: Destination, options: CommitOptions, gauge: Gauge) {
    this.#out = destination.out;
    for (const { name, edits } of options.compared) {
      for (const edit of readEdits(edits)) {
        if (edit.kind === 'whole') this.#wholes.push(joinPath(name, edit.path));
      }
    }
    this.#options = options;
    this.#gauge = gauge;
    this.#log = new UndoLog(stageTrash(destination));
  }

  /** @param path of the folder within OUT, for people */
  folder(from: BytePath, to: BytePath, path: BytePath): void {
    const names = new Set(readdirSync(toFsPath(from), { encoding: 'latin1' }));
    for (const name of names) {
      const child = joinPath(path, name);
      this.#step(child, () => this.#child(joinPath(from, name), joinPath(to, name), child));
    }
    if (!this.#mirrors(path)) return;
    for (const name of readdirSync(toFsPath(to), { encoding: 'latin1' })) {
      if (names.has(name) || (path === '' && isWorkName(name))) continue;
      const child = joinPath(path, name);
      this.#step(child, () => this.#takeOut(joinPath(to, name)));
      this.removed += 1;
    }
  }

  /** What a comparison has found to be done without anything of the stage, after the rest. */
  edit({ name, edits }: ComparedContext): void {
    for (const edit of readEdits(edits)) {
      const path = joinPath(name, edit.path);
      if (edit.kind === 'link') this.#step(path, () => this.#link(path, joinPath(name, edit.link)));
      else if (edit.kind === 'remove' && this.#options.delete) {
        this.#step(path, () => this.#inFolderOf(path, (at) => this.#takeOut(at)));
        this.removed += 1;
      }
    }
  }

  undo(): void {
    this.#log.undo();
  }

  /** Whether the stage has all that is to be in this folder: then what else is there goes. */
  #mirrors(path: BytePath): boolean {
    const { delete: mirror, compared } = this.#options;
    const isIn = (folder: BytePath): boolean => path === folder || isBeneath(path, folder);
    return mirror && (this.#wholes.some(isIn) || !compared.some(({ name }) => isIn(name)));
  }

  #link(path: BytePath, target: BytePath): void {
    this.#inFolderOf(path, (at) => {
      if (look(at) !== undefined) this.#takeOut(at);
      this.#log.link(joinPath(this.#out, target), at);
    });
  }

  /** Changes something in a folder that is finished: its mode and time stay as they are. */
  #inFolderOf(path: BytePath, change: (at: BytePath) => void): void {
    const at = joinPath(this.#out, path);
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

  #child(from: BytePath, to: BytePath, path: BytePath): void {
    const ours = look(from);
    const theirs = look(to);
    if (ours === undefined) throw new Error(`the stage lost ${path}`);
    if (ours.isDirectory() && theirs?.isDirectory() === true) {
      this.#merge(from, ours, to, theirs, path);
      return;
    }
    if (theirs !== undefined) {
      // rename(2) replaces a file by a file, and leaves no moment without either.
      if (theirs.isFile() && !ours.isDirectory()) this.#log.keep(to);
      else this.#takeOut(to);
    }
    this.#rename(from, ours, to);
  }

  #merge(
    from: BytePath,
    ours: BigIntStats,
    to: BytePath,
    theirs: BigIntStats,
    path: BytePath,
  ): void {
    open(from, ours);
    this.#log.metadata(to, folderMetadata(theirs));
    open(to, theirs);
    this.folder(from, to, path);
    this.#finish(to, ours);
  }

  #takeOut(path: BytePath): void {
    const stats = look(path);
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
