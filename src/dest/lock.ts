import { randomUUID } from 'node:crypto';
import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { joinPath, toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import { destinationError, errnoOf } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { LOCK_ATTEMPTS, LOCK_STALE_MS } from '../limits.ts';
import { removeFile } from './remove-tree.ts';
import { LOCK_NAME, lockDraftName } from './work-name.ts';

/** A lock that we have taken. Plain data: it travels between threads. */
export interface Lock {
  path: BytePath;
  /** What we wrote into it: tells it from one that another has taken since. */
  text: string;
}

/** Who holds a destination. */
interface Holder {
  pid: number;
  host: string;
  /** Names the kernel's run and the process namespace in which the pid means something. */
  scope: string;
  /** When the process began, in the kernel's own ticks: a pid alone may be used again. */
  began: string;
  since: string;
}

/**
 * Takes the lock of OUT: a file in it, which names its holder. Node has no flock(2), so a lock whose
 * holder was killed stays; it is taken over when its holder is provably dead or, where that cannot
 * be told (another machine or container), was not refreshed for LOCK_STALE_MS.
 *
 * @throws CtxsyncError locked, naming the holder; and the system call's error
 */
export function takeLock(out: BytePath): Lock {
  const text = JSON.stringify({ ...ourselves(), id: randomUUID() });
  const lock = { path: joinPath(out, LOCK_NAME), text };
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    const found = readLock(lock.path);
    if (found === undefined) {
      if (createLock(out, lock)) return lock;
      continue; // another was faster
    }
    const holder = parseHolder(found);
    if (isAlive(lock.path, holder)) throw lockedBy(out, lock.path, holder);
    removeStale(out, lock.path, found);
  }
  throw lockedBy(out, lock.path, undefined);
}

/** Shows those who cannot see our process that we live. A lock that is gone is not missed. */
export function refreshLock({ path }: Lock): void {
  const now = Date.now() / 1000;
  try {
    utimesSync(toFsPath(path), now, now);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** One that another has taken since is left: we may be late, or come a second time. */
export function releaseLock({ path, text }: Lock): void {
  if (readLock(path) === text) removeFile(path);
}

/** The lock appears with its holder in it, or not at all: a run killed on the way leaves a draft. */
function createLock(out: BytePath, lock: Lock): boolean {
  const draft = { path: joinPath(out, lockDraftName()), text: lock.text };
  write(draft);
  try {
    linkSync(toFsPath(draft.path), toFsPath(lock.path));
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    // ENOENT: who holds the lock takes our draft for a dead run's.
    if (errno === 'EEXIST' || errno === 'ENOENT') return false;
    if (errno === undefined || !NO_HARDLINKS.has(errno)) throw error;
    return createInPlace(lock);
  } finally {
    removeFile(draft.path);
  }
}

const NO_HARDLINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

function createInPlace(lock: Lock): boolean {
  try {
    write(lock);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** A full disk makes an empty file before it says that it is full: it is not left. */
function write({ path, text }: Lock): void {
  const fd = openSync(toFsPath(path), 'wx', 0o644);
  try {
    writeFileSync(fd, text);
  } catch (error) {
    removeFile(path);
    throw error;
  } finally {
    closeSync(fd);
  }
}

function readLock(path: BytePath): string | undefined {
  try {
    return readFileSync(toFsPath(path), 'utf8').slice(0, 4096);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Two who find the same stale lock must not both take it: only what was read is removed. Who has taken
 * the lock meanwhile may have cleared away what we put aside.
 */
function removeStale(out: BytePath, path: BytePath, text: string): void {
  const aside = joinPath(out, lockDraftName());
  try {
    renameSync(toFsPath(path), toFsPath(aside));
    if (readLock(aside) === text) removeFile(aside);
    else renameSync(toFsPath(aside), toFsPath(path));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw destinationError(error, "remove a dead receiver's lock,", path);
  }
}

function ourselves(): Holder {
  return {
    pid: process.pid,
    host: hostname(),
    scope: processScope(),
    began: lookAtProcess('self')?.began ?? '',
    since: new Date().toISOString(),
  };
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, scope, began, since } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
    if (typeof host !== 'string' || typeof scope !== 'string') return undefined;
    if (typeof began !== 'string' || typeof since !== 'string') return undefined;
    return { pid, host, scope, began, since };
  } catch {
    return undefined;
  }
}

function isAlive(path: BytePath, holder: Holder | undefined): boolean {
  if (holder?.scope !== processScope()) return isFresh(path);
  if (!isRunning(holder.pid)) return false;
  const found = lookAtProcess(String(holder.pid));
  if (found !== undefined) return found.began === holder.began && !found.isDead;
  // Hidden from us, or gone since: then it was another that had got the pid.
  return isRunning(holder.pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal (EPERM): it is there.
    return errnoOf(error) !== 'ESRCH';
  }
}

function isFresh(path: BytePath): boolean {
  const stats = statSync(toFsPath(path), { throwIfNoEntry: false });
  return stats !== undefined && Math.abs(Date.now() - stats.mtimeMs) < LOCK_STALE_MS;
}

/** On Linux the boot and the pid namespace; elsewhere the host's name has to do. */
function processScope(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/**
 * Fields 3 (state), 20 (num_threads) and 22 (starttime) of proc(5)'s stat; the name before them may
 * contain anything. A zombie is dead, and stays where nobody waits for it, as in many a container;
 * unless a thread of it is left, which a hanging disk keeps and which may still write.
 */
function lookAtProcess(pid: string): { began: string; isDead: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, threads, began = ''] = [fields[0], fields[17], fields[19]];
    return { began, isDead: state === 'Z' && Number(threads) <= 1 };
  } catch {
    return undefined;
  }
}

function lockedBy(out: BytePath, path: BytePath, holder: Holder | undefined): CtxsyncError {
  const who =
    holder === undefined
      ? 'another receiver'
      : `another receiver (pid ${holder.pid} on ${holder.host}, since ${holder.since})`;
  return new CtxsyncError(
    'locked',
    `${toText(out)} is held by ${who}; wait for it to end, or if it is surely gone remove ${toText(path)}`,
    { path: toText(out) },
  );
}
