import {
  linkSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { joinPath, toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import { errnoOf } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { LOCK_ATTEMPTS, LOCK_STALE_MS } from '../limits.ts';
import { LOCK_NAME, lockDraftName } from './work-name.ts';

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
 * @returns the lock's path
 * @throws CtxsyncError locked, naming the holder; and the system call's error
 */
export function takeLock(out: BytePath): BytePath {
  const path = joinPath(out, LOCK_NAME);
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    const text = readLock(path);
    if (text === undefined) {
      if (createLock(out, path)) return path;
      continue; // another was faster
    }
    const holder = parseHolder(text);
    if (isAlive(path, holder)) throw lockedBy(out, path, holder);
    removeStale(out, path, text);
  }
  throw lockedBy(out, path, undefined);
}

/** Shows those who cannot see our process that we live. A lock that is gone is not missed. */
export function refreshLock(path: BytePath): void {
  const now = Date.now() / 1000;
  try {
    utimesSync(toFsPath(path), now, now);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

export function releaseLock(path: BytePath): void {
  try {
    unlinkSync(toFsPath(path));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** The lock appears with its holder in it, or not at all: a run killed on the way leaves a draft. */
function createLock(out: BytePath, path: BytePath): boolean {
  const draft = joinPath(out, lockDraftName());
  writeFileSync(toFsPath(draft), JSON.stringify(ourselves()), { flag: 'wx', mode: 0o644 });
  try {
    linkSync(toFsPath(draft), toFsPath(path));
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    // ENOENT: who holds the lock takes our draft for a dead run's.
    if (errno === 'EEXIST' || errno === 'ENOENT') return false;
    if (errno === undefined || !NO_HARDLINKS.has(errno)) throw error;
    return createInPlace(path);
  } finally {
    rmSync(toFsPath(draft), { force: true });
  }
}

const NO_HARDLINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

function createInPlace(path: BytePath): boolean {
  try {
    writeFileSync(toFsPath(path), JSON.stringify(ourselves()), { flag: 'wx', mode: 0o644 });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
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

/** Two who find the same stale lock must not both take it: only what was read is removed. */
function removeStale(out: BytePath, path: BytePath, text: string): void {
  const aside = joinPath(out, lockDraftName());
  try {
    renameSync(toFsPath(path), toFsPath(aside));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  if (readLock(aside) === text) unlinkSync(toFsPath(aside));
  else renameSync(toFsPath(aside), toFsPath(path));
}

function ourselves(): Holder {
  return {
    pid: process.pid,
    host: hostname(),
    scope: processScope(),
    began: processBegan('self') ?? '',
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
  const began = processBegan(String(holder.pid));
  if (began !== undefined) return began === holder.began;
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

/** Field 22 of proc(5)'s stat, starttime; the name before it may contain anything. */
function processBegan(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
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
