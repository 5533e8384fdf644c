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
import { folderMetadata, setFolderMetadata, type FolderMetadata } from './folder-metadata.ts';
import { releaseLock, takeLock } from './lock.ts';
import { removeTree } from './remove-tree.ts';
import { LOCK_NAME, stageName } from './work-name.ts';

/** A locked OUT with a fresh stage in it. Plain data: it travels between threads. */
export interface Destination {
  /** OUT, resolved. */
  out: BytePath;
  /** The stage's folder: `tree` is the context, `trash` what commit takes out of OUT. */
  stage: BytePath;
  lock: BytePath;
  /** Folders that were made so that OUT exists, the outermost first. */
  made: BytePath[];
  /** OUT's mode and time before we touched it. */
  before: FolderMetadata;
  /** The permission bits that a new file in OUT does not get: the umask, or a default ACL's. */
  umask: number;
}

export function stageTree(destination: Destination): BytePath {
  return joinPath(destination.stage, 'tree');
}

export function stageTrash(destination: Destination): BytePath {
  return joinPath(destination.stage, 'trash');
}

/**
 * Makes OUT where it is missing, takes its lock, removes the stages of dead runs, and makes ours.
 *
 * @param follow it may be a symlink to a folder; else it is refused
 * @throws CtxsyncError locked, no-space, not-writable; then nothing is left behind
 */
export function prepareDestination(
  path: BytePath,
  gauge: Gauge,
  { follow = true } = {},
): Destination {
  gauge.enter('locking', path);
  const made: BytePath[] = [];
  try {
    if (!follow) refuseSymlink(path);
    const out = makeOut(path, made);
    const before = folderMetadata(statSync(toFsPath(out), { bigint: true }));
    const lock = takeLock(out);
    const destination = { out, stage: joinPath(out, stageName()), lock, made, before, umask: 0 };
    try {
      removeDeadStages(out, gauge);
      makeStage(destination);
    } catch (error) {
      discard(destination, gauge);
      throw error;
    }
    return destination;
  } catch (error) {
    removeMade(made);
    throw destinationError(error, 'write into', path);
  }
}

/** Takes back all that a run that does not commit has done to OUT. */
export function discard(destination: Destination, gauge: Gauge): void {
  removeTree(destination.stage, gauge);
  releaseLock(destination.lock);
  removeMade(destination.made);
  if (destination.made.length === 0) restoreTime(destination);
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

function removeDeadStages(out: BytePath, gauge: Gauge): void {
  for (const name of readdirSync(toFsPath(out), { encoding: 'latin1' })) {
    // We hold the lock, so nobody works in it.
    if (isWorkName(name) && name !== LOCK_NAME) removeTree(joinPath(out, name), gauge);
  }
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

/** Our stage came and went; OUT's own time should not tell. Not ours to set: then it stays. */
function restoreTime({ out, before }: Destination): void {
  try {
    setFolderMetadata(out, before);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
}
