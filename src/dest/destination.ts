import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { joinPath, toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { HeldDirectory, replaced, type Metadata } from '../disk/held-directory.ts';
import { isSameInode, type Inode } from '../disk/inode.ts';
import { PROC_FD } from '../disk/open-directory.ts';
import { errnoOf } from '../disk/errno.ts';
import { destinationError } from '../disk/system-error.ts';
import { isWorkName } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_PARTIAL_STAGES, PARTIAL_STAGE_MS } from '../limits.ts';
import { releaseLock, takeLock, type Lock } from './lock.ts';
import { removeTree } from './remove-tree.ts';
import { isLeftover, LOCK_NAME, stageName } from './work-name.ts';

/** A locked OUT with a fresh stage in it. Plain data, passed between threads. */
export interface Destination {
  /** OUT, resolved. For messages, and to open it where `held` cannot be used. */
  out: BytePath;
  /** OUT is held open for the whole run, so a replacement at its path does not matter. */
  held: Inode & { fd: number };
  /** The stage's name in OUT; its `tree` is the context, its `trash` what commit removes from OUT. */
  stageName: BytePath;
  /** The stage's path, for messages. */
  stage: BytePath;
  /**
   * Names in OUT of the stages of recently interrupted runs, the newest first: complete files in them
   * need not be sent.
   */
  partialStages: BytePath[];
  lock: Lock;
  /** Directories created to make OUT exist, the outermost first. */
  made: BytePath[];
  /** OUT's mode and time before we touched it. */
  before: Metadata;
  /** The permission bits that the umask or a default ACL removes from a new file in OUT. */
  umask: number;
  /** Other warnings. */
  warnings: string[];
}

/** In a stage. */
const TREE = 'tree';
export const TRASH = 'trash';

/** Ours, as OUT's file system shows it: NFS may show root as another user. */
export function ownUid(out: HeldDirectory): bigint | undefined {
  return out.look(LOCK_NAME)?.uid;
}

/** A destination's directories, held open by one thread. */
export interface OpenDestination {
  out: HeldDirectory;
  stage: HeldDirectory;
  /** In the stage: what has arrived. */
  tree: HeldDirectory;
}

/**
 * Runs `use` with a destination's directories open.
 * @throws CtxsyncError not-writable when OUT or the stage was replaced, and what `use` throws
 */
export function withDestination<T>(
  destination: Destination,
  use: (opened: OpenDestination) => T,
): T {
  return withOut(destination, (out) =>
    using(openIn(out, destination.stageName), (stage) =>
      using(openIn(stage, TREE), (tree) => use({ out, stage, tree })),
    ),
  );
}

/** The same, with OUT only: the stage may be gone. */
export function withOut<T>(destination: Destination, use: (out: HeldDirectory) => T): T {
  return using(openOut(destination), use);
}

/**
 * The directory of a context in each partial stage. The caller closes them.
 * @param name absent: for all contexts
 */
export function openPartialStages(
  { partialStages }: Destination,
  out: HeldDirectory,
  name: BytePath = '',
): (HeldDirectory | undefined)[] {
  return partialStages.map((each) =>
    using(openIn(out, each), (stage) => using(openIn(stage, TREE), (tree) => openBase(tree, name))),
  );
}

/**
 * The directory that a context becomes: OUT for the unnamed one. Undefined if there is none. The caller
 * closes it.
 */
export function openBase(out: HeldDirectory, name: BytePath): HeldDirectory | undefined {
  try {
    return name === '' ? HeldDirectory.open(out.child('.'), out.path) : out.openChild(name);
  } catch (error) {
    if (NO_DIRECTORY.has(errnoOf(error) ?? '')) return undefined;
    throw destinationError(error, 'list the directory', joinPath(out.path, name));
  }
}

const NO_DIRECTORY = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/**
 * Creates OUT if it is missing, takes its lock, removes what dead runs have left except stages that may
 * still be useful, and creates our stage.
 *
 * @param options.follow OUT may be a symlink to a directory; else a symlink is refused
 * @param options.mirrors OUT will mirror a context: "/" is refused
 * @throws CtxsyncError locked, no-space, not-writable; then nothing is left behind
 */
export function prepareDestination(
  path: BytePath,
  status: WorkerStatus,
  { follow, mirrors = false }: { follow: boolean; mirrors?: boolean },
): Destination {
  status.enter('locking', path);
  const made: BytePath[] = [];
  let out: HeldDirectory | undefined;
  try {
    out = makeOut(path, made, follow);
    if (mirrors && isRoot(out)) throw mirrorsRoot();
    const before = out.metadata();
    const lock = lockOut(out, before);
    const name = stageName();
    const { dev, ino } = out.identity;
    const destination: Destination = {
      out: out.path,
      held: { fd: out.fd, dev, ino },
      stageName: name,
      stage: joinPath(out.path, name),
      partialStages: [],
      lock,
      made,
      before,
      umask: 0,
      warnings: [],
    };
    try {
      clearUp(destination, out, status);
      makeStage(destination, out);
    } catch (error) {
      discardAfter(error, destination, status);
    }
    heldHere.set(out.fd, out);
    return destination;
  } catch (error) {
    out?.close();
    removeMade(made);
    throw destinationError(error, 'write into', path);
  }
}

function isRoot({ identity }: HeldDirectory): boolean {
  return isSameInode(identity, lstatSync('/', { bigint: true }));
}

function mirrorsRoot(): CtxsyncError {
  const message = 'refused: OUT is /, and a mirror would delete everything that the contexts lack';
  return new CtxsyncError('usage', `${message}; name a directory of its own`);
}

/**
 * Whether there is anything that a context can be compared with.
 * @param others names in OUT that belong to other contexts
 */
export function hasBase(
  destination: Destination,
  name: BytePath,
  others: readonly BytePath[],
  status: WorkerStatus,
): boolean {
  if (destination.partialStages.length > 0) return true;
  status.enter('scanning', joinPath(destination.out, name));
  return withOut(destination, (out) => {
    let base: HeldDirectory | undefined;
    try {
      base = openBase(out, name);
      for (const each of base?.names() ?? []) {
        if (!isWorkName(each) && !others.includes(each)) return true;
      }
      return false;
    } catch {
      // The comparison will meet the same error and report it.
      return true;
    } finally {
      base?.close();
    }
  });
}

/** What an interrupted run leaves: its stage and earlier partial stages, only the latter, or nothing. */
export type Keep = 'all' | 'partialStages' | 'nothing';

/**
 * Reverts everything that a run without a commit has done to OUT.
 *
 * @param keep what is left for the next run to resume from
 */
export function discard(
  destination: Destination,
  status: WorkerStatus,
  keep: Keep = 'nothing',
): void {
  const { stageName: stage, partialStages, lock, made, before } = destination;
  withOut(destination, (out) => {
    try {
      if (keep === 'all') removeTrash(out, stage, status);
      else removeTree(out, stage, status);
      if (keep === 'nothing') for (const each of partialStages) removeTree(out, each, status);
    } finally {
      // A serving process lives on, and would lock itself out.
      releaseLock(out, lock);
      if (made.length === 0) restoreMetadata(out, before);
    }
  });
  letGo(destination);
  removeMade(made);
}

/** Stops holding OUT open. */
export function letGo({ held: { fd } }: Destination): void {
  heldHere.get(fd)?.close();
  heldHere.delete(fd);
}

/**
 * What this thread holds for current runs, by descriptor. Other threads can use these directories, but
 * not close them; they are closed when this thread ends.
 */
const heldHere = new Map<number, HeldDirectory>();

/** Opens OUT by its descriptor, of any thread, or else by its path. It has to be the same directory. */
function openOut({ out: path, held }: Destination): HeldDirectory {
  for (const way of [`${PROC_FD}/${held.fd}/.`, path]) {
    let out: HeldDirectory;
    try {
      out = HeldDirectory.open(way, path);
    } catch (error) {
      // The thread that held it has ended; or there is no /proc.
      if (way !== path) continue;
      throw destinationError(error, 'write into', path);
    }
    if (isSameInode(out.identity, held)) return out;
    out.close();
  }
  throw replaced(path);
}

function openIn(directory: HeldDirectory, name: BytePath): HeldDirectory {
  try {
    return directory.openChild(name);
  } catch (error) {
    throw destinationError(error, 'write into', joinPath(directory.path, name));
  }
}

function using<T>(directory: HeldDirectory, use: (directory: HeldDirectory) => T): T {
  try {
    return use(directory);
  } finally {
    directory.close();
  }
}

function discardAfter(error: unknown, destination: Destination, status: WorkerStatus): never {
  try {
    discard(destination, status);
  } catch {
    // The first error is the one to report; the next run removes what is left.
  }
  throw error;
}

/** A failed attempt leaves no trace, not even in OUT's time. */
function lockOut(out: HeldDirectory, before: Metadata): Lock {
  try {
    return takeLock(out);
  } catch (error) {
    if (out.metadata().mtimeUs !== before.mtimeUs) restoreMetadata(out, before);
    throw error;
  }
}

function makeOut(path: BytePath, made: BytePath[], follow: boolean): HeldDirectory {
  if (!follow) refuseSymlink(path);
  const stats = statSync(toFsPath(path), { throwIfNoEntry: false });
  if (stats === undefined) makeDirectories(path, made);
  else if (!stats.isDirectory()) {
    throw new CtxsyncError(
      'not-writable',
      `${toText(path)} is not a directory; choose another OUT`,
      {
        path: toText(path),
      },
    );
  }
  const resolved = follow ? resolve(path) : joinPath(resolve(dirname(path)), basename(path));
  return HeldDirectory.open(resolved, resolved);
}

function resolve(path: BytePath): BytePath {
  return realpathSync.native(toFsPath(path), 'latin1');
}

function refuseSymlink(path: BytePath): void {
  if (lstatSync(toFsPath(path), { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new CtxsyncError(
    'not-writable',
    `${toText(path)} is a symlink, which is not followed; remove it, or send under another name`,
    { path: toText(path) },
  );
}

function makeDirectories(path: BytePath, made: BytePath[]): void {
  const parent = dirname(path);
  if (statSync(toFsPath(parent), { throwIfNoEntry: false }) === undefined) {
    makeDirectories(parent, made);
  }
  try {
    mkdirSync(toFsPath(path));
    made.push(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return; // another process created it meanwhile
    // Another run that had created the parent removed it again.
    const parentIsGone = statSync(toFsPath(parent), { throwIfNoEntry: false }) === undefined;
    if (errno !== 'ENOENT' || !parentIsGone) throw error;
    makeDirectories(path, made);
  }
}

/** Removes what dead runs have left in OUT. We hold the lock, so no other run works there. */
function clearUp(destination: Destination, out: HeldDirectory, status: WorkerStatus): void {
  const { warnings } = destination;
  const uid = ownUid(out);
  const partialStages: Remaining[] = [];
  for (const name of out.names()) {
    if (!isLeftover(name)) continue;
    unlessDenied(warnings, joinPath(out.path, name), () => {
      const useful = usefulRemains(out, name, uid);
      if (useful === undefined) removeTree(out, name, status);
      else partialStages.push(useful);
    });
  }
  const newest = partialStages.toSorted((a, b) => b.mtimeMs - a.mtimeMs).map(({ name }) => name);
  for (const name of newest.splice(MAX_PARTIAL_STAGES)) {
    unlessDenied(warnings, joinPath(out.path, name), () => removeTree(out, name, status));
  }
  destination.partialStages = newest;
}

/** We may not be allowed to remove what another user's run left: that is only a warning. */
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
  name: BytePath;
  mtimeMs: number;
}

/**
 * Undefined: it can be removed, or is gone already, as a receiver that we lock out removes its draft.
 * @param uid ours: another user could still change files of theirs in our OUT
 */
function usefulRemains(
  out: HeldDirectory,
  name: BytePath,
  uid: bigint | undefined,
): Remaining | undefined {
  const stats = out.look(name);
  if (stats?.isDirectory() !== true || stats.uid !== uid) return undefined;
  const mtimeMs = Number(stats.mtimeMs);
  if (Date.now() - mtimeMs >= PARTIAL_STAGE_MS) return undefined;
  // A symlink in place of its tree is useless.
  const hasTree = using(out.openChild(name), (stage) => stage.look(TREE)?.isDirectory() === true);
  return hasTree ? { name, mtimeMs } : undefined;
}

function makeStage(destination: Destination, out: HeldDirectory): void {
  const name = destination.stageName;
  out.makeDirectory(name, 0o700);
  using(out.openChild(name), (stage) => {
    stage.setMetadata({ ...stage.metadata(), mode: 0o700 });
    stage.makeDirectory(TREE, 0o700);
    stage.makeDirectory(TRASH, 0o700);
    destination.umask = probeUmask(stage);
  });
}

function removeTrash(out: HeldDirectory, name: BytePath, status: WorkerStatus): void {
  using(openIn(out, name), (stage) => removeTree(stage, TRASH, status));
}

function probeUmask(stage: HeldDirectory): number {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  const fd = stage.openFile('probe', O_CREAT | O_EXCL | O_WRONLY, 0o777);
  try {
    return 0o777 & ~fstatSync(fd).mode;
  } finally {
    closeSync(fd);
    stage.removeFile('probe');
  }
}

function removeMade(made: readonly BytePath[]): void {
  for (const path of made.toReversed()) {
    try {
      rmdirSync(toFsPath(path));
    } catch {
      return; // another process uses it
    }
  }
}

/** Restores mode and time after our stage came and went. On EPERM (another owner) they stay. */
export function restoreMetadata(directory: HeldDirectory, before: Metadata): void {
  try {
    directory.setMetadata(before);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
}
