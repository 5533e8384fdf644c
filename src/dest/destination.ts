import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { joinPath, toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { destinationError, errnoOf } from '../disk/system-error.ts';
import { isWorkName } from '../entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_REMAINS, REMAINS_MS } from '../limits.ts';
import { folderMetadata, setFolderMetadata, type FolderMetadata } from './folder-metadata.ts';
import { releaseLock, takeLock, type Lock } from './lock.ts';
import { removeTree } from './remove-tree.ts';
import { isLeftover, stageName } from './work-name.ts';

/** A locked OUT with a fresh stage in it. Plain data: it travels between threads. */
export interface Destination {
  /** OUT, resolved. */
  out: BytePath;
  /** The stage's folder: `tree` is the context, `trash` what commit takes out of OUT. */
  stage: BytePath;
  /** Stages of runs that broke off lately, the newest first: what is whole in them need not travel. */
  remains: BytePath[];
  lock: Lock;
  /** Folders that were made so that OUT exists, the outermost first. */
  made: BytePath[];
  /** OUT's mode and time before we touched it. */
  before: FolderMetadata;
  /** The permission bits that a new file in OUT does not get: the umask, or a default ACL's. */
  umask: number;
  /** What else is worth a word. */
  warnings: string[];
}

const TREE = 'tree';
const TRASH = 'trash';

export function stageTree(destination: Destination): BytePath {
  return joinPath(destination.stage, TREE);
}

export function stageTrash(destination: Destination): BytePath {
  return joinPath(destination.stage, TRASH);
}

/** Trees of the remains. */
export function remainingTrees(destination: Destination): BytePath[] {
  return destination.remains.map((stage) => joinPath(stage, TREE));
}

/** Where the edits of a context are kept. @param index of the context, in any order */
export function stageEdits(destination: Destination, index: number): BytePath {
  return joinPath(destination.stage, `edits-${index}`);
}

/**
 * Makes OUT where it is missing, takes its lock, removes what dead runs have left but for stages that
 * may still be of use, and makes our stage.
 *
 * @param follow it may be a symlink to a folder; else it is refused
 * @throws CtxsyncError locked, no-space, not-writable; then nothing is left behind
 */
export function prepareDestination(
  path: BytePath,
  gauge: Gauge,
  { follow }: { follow: boolean },
): Destination {
  gauge.enter('locking', path);
  const made: BytePath[] = [];
  try {
    if (!follow) refuseSymlink(path);
    const out = makeOut(path, made);
    const before = folderMetadata(statSync(toFsPath(out), { bigint: true }));
    const lock = takeLock(out);
    const stage = joinPath(out, stageName());
    const destination: Destination = {
      out,
      stage,
      remains: [],
      lock,
      made,
      before,
      umask: 0,
      warnings: [],
    };
    try {
      clearUp(destination, gauge);
      makeStage(destination);
    } catch (error) {
      discardAfter(error, destination, gauge);
    }
    return destination;
  } catch (error) {
    removeMade(made);
    throw destinationError(error, 'write into', path);
  }
}

/** The folder that a context becomes: OUT for the unnamed one. */
export function landingOf({ out }: Destination, name: BytePath): BytePath {
  return name === '' ? out : joinPath(out, name);
}

/**
 * Whether there is anything that a context can be compared with.
 * @param others names in OUT that belong to other contexts
 */
export function hasBase(
  destination: Destination,
  name: BytePath,
  others: readonly BytePath[],
  gauge: Gauge,
): boolean {
  if (destination.remains.length > 0) return true;
  const base = landingOf(destination, name);
  gauge.enter('scanning', base);
  try {
    const names = readdirSync(toFsPath(base), { encoding: 'latin1' });
    return names.some((each) => !isWorkName(each) && !others.includes(each));
  } catch (error) {
    // Whatever else is wrong with it, the comparison meets it too and says so.
    return errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR';
  }
}

/** What a run that broke off leaves: its stage and the remains of those before it, or only these. */
export type Keep = 'all' | 'remains' | 'nothing';

/**
 * Takes back all that a run that does not commit has done to OUT.
 *
 * @param keep what is left for the next run to go on from
 */
export function discard(destination: Destination, gauge: Gauge, keep: Keep = 'nothing'): void {
  const { stage, remains, lock } = destination;
  try {
    removeTree(keep === 'all' ? stageTrash(destination) : stage, gauge);
    if (keep === 'nothing') for (const each of remains) removeTree(each, gauge);
  } finally {
    // A process that serves lives on, and would shut itself out.
    releaseLock(lock);
  }
  removeMade(destination.made);
  if (destination.made.length === 0) restore(destination);
}

function discardAfter(error: unknown, destination: Destination, gauge: Gauge): never {
  try {
    discard(destination, gauge);
  } catch {
    // What made us give up is what is reported; what is left the next run removes.
  }
  throw error;
}

function refuseSymlink(path: BytePath): void {
  if (lstatSync(toFsPath(path), { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new CtxsyncError(
    'not-writable',
    `${toText(path)} is a symlink, which is not followed; remove it, or send under another name`,
    { path: toText(path) },
  );
}

function makeOut(path: BytePath, made: BytePath[]): BytePath {
  const stats = statSync(toFsPath(path), { throwIfNoEntry: false });
  if (stats === undefined) makeFolders(path, made);
  else if (!stats.isDirectory()) {
    throw new CtxsyncError('not-writable', `${toText(path)} is not a folder; choose another OUT`, {
      path: toText(path),
    });
  }
  return realpathSync.native(toFsPath(path), 'latin1');
}

function makeFolders(path: BytePath, made: BytePath[]): void {
  const parent = dirname(path);
  if (statSync(toFsPath(parent), { throwIfNoEntry: false }) === undefined) {
    makeFolders(parent, made);
  }
  try {
    mkdirSync(toFsPath(path));
    made.push(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return; // somebody else made it meanwhile
    // Somebody else, whose parent it was too, took it away again.
    const bereft = statSync(toFsPath(parent), { throwIfNoEntry: false }) === undefined;
    if (errno !== 'ENOENT' || !bereft) throw error;
    makeFolders(path, made);
  }
}

/** Removes what dead runs have left in OUT. We hold the lock, so nobody works there. */
function clearUp(destination: Destination, gauge: Gauge): void {
  const { out, lock, warnings } = destination;
  const { uid } = lstatSync(toFsPath(lock.path));
  const remains: Remaining[] = [];
  for (const name of readdirSync(toFsPath(out), { encoding: 'latin1' })) {
    if (!isLeftover(name)) continue;
    const path = joinPath(out, name);
    unlessDenied(warnings, path, () => {
      const useful = usefulRemains(path, uid);
      if (useful === undefined) removeTree(path, gauge);
      else remains.push(useful);
    });
  }
  const newest = remains.toSorted((a, b) => b.mtimeMs - a.mtimeMs).map(({ path }) => path);
  for (const path of newest.splice(MAX_REMAINS)) {
    unlessDenied(warnings, path, () => removeTree(path, gauge));
  }
  destination.remains = newest;
}

/** What another user's run has left need not be ours to touch: that is no reason to shut us out. */
function unlessDenied(warnings: string[], path: BytePath, run: () => void): void {
  try {
    run();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EACCES' && errno !== 'EPERM') throw error;
    const { message } = destinationError(error, "remove a dead receiver's", path);
    warnings.push(`${message}; it does no harm, but only its owner can remove it`);
  }
}

interface Remaining {
  path: BytePath;
  mtimeMs: number;
}

/**
 * Undefined: it may be removed, or is gone already. A receiver that we keep out removes its draft.
 * @param uid ours: files of another user would stay that user's to change, in our OUT
 */
function usefulRemains(path: BytePath, uid: number): Remaining | undefined {
  const stats = lstatSync(toFsPath(path), { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true || stats.uid !== uid) return undefined;
  const { mtimeMs } = stats;
  return Date.now() - mtimeMs < REMAINS_MS && hasTree(path) ? { path, mtimeMs } : undefined;
}

/** A symlink in its place would be followed. */
function hasTree(stage: BytePath): boolean {
  const stats = lstatSync(toFsPath(joinPath(stage, TREE)), { throwIfNoEntry: false });
  return stats?.isDirectory() === true;
}

function makeStage(destination: Destination): void {
  mkdirSync(toFsPath(destination.stage), 0o700);
  chmodSync(toFsPath(destination.stage), 0o700);
  mkdirSync(toFsPath(stageTree(destination)), 0o700);
  mkdirSync(toFsPath(stageTrash(destination)), 0o700);
  destination.umask = probeUmask(joinPath(destination.stage, 'probe'));
}

function probeUmask(path: BytePath): number {
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;
  const fd = openSync(toFsPath(path), flags, 0o777);
  try {
    return 0o777 & ~fstatSync(fd).mode;
  } finally {
    closeSync(fd);
    unlinkSync(toFsPath(path));
  }
}

function removeMade(made: readonly BytePath[]): void {
  for (const path of made.toReversed()) {
    try {
      rmdirSync(toFsPath(path));
    } catch {
      return; // somebody else uses it
    }
  }
}

/** Our stage came and went; OUT's own mode and time should not tell. Not ours to set: then they stay. */
function restore({ out, before }: Destination): void {
  try {
    setFolderMetadata(out, before);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
}
