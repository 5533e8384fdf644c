import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  readSync,
  writeFileSync,
  type BigIntStats,
} from 'node:fs';
import { fromText, joinPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { kindOf } from '../disk/kind-of.ts';
import { errnoOf } from '../disk/errno.ts';
import { destinationError, isNoHardlink } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_LOCK_BYTES } from '../limits.ts';
import { isAlive, ourselves, parseHolder } from './lock-holder.ts';
import { takeInSteps, type FoundLock, type LockFiles } from './lock-protocol.ts';
import { LOCK_NAME, lockDraftName } from './work-name.ts';

/** A lock that we have taken. Plain data, passed between threads. */
export interface Lock {
  /** For messages. */
  path: BytePath;
  /** What we wrote into it: differs in a lock that another has taken since. */
  text: string;
}

/**
 * Takes the lock of OUT: a file in OUT that names its holder. Node has no flock(2), so the lock of a
 * killed holder stays; it is taken over when its holder is provably dead or, where that cannot be known
 * (another machine or container), when it was not refreshed for LOCK_STALE_MS.
 *
 * @throws CtxsyncError locked, naming the holder; not-writable, when something else has its name; and
 *   the system call's error
 */
export function takeLock(out: HeldDirectory): Lock {
  const lock = {
    path: joinPath(out.path, LOCK_NAME),
    text: JSON.stringify({ ...ourselves(), id: randomUUID() }),
  };
  const steps = takeInSteps(new Files(out), lock.text);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  if (step.value !== undefined) throw lockedBy(out.path, lock.path, step.value);
  return lock;
}

/** Shows receivers that cannot see our process that it is alive. Ignores a missing lock. */
export function refreshLock(out: HeldDirectory): void {
  try {
    out.setChildTime(LOCK_NAME, Date.now() * 1_000);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Leaves a lock that another has taken since: we may be late, or release twice. */
export function releaseLock(out: HeldDirectory, { text }: Lock): void {
  if (read(out, LOCK_NAME)?.text === text) out.removeFile(LOCK_NAME);
}

class Files implements LockFiles {
  readonly #out: HeldDirectory;

  constructor(out: HeldDirectory) {
    this.#out = out;
  }

  read(name: BytePath): FoundLock | undefined {
    return read(this.#out, name);
  }

  /** The lock appears complete, or not at all: a run killed before that leaves a draft. */
  create(name: BytePath, text: string): boolean {
    const draft = lockDraftName();
    write(this.#out, draft, text);
    try {
      this.#out.link(draft, this.#out, name);
      return true;
    } catch (error) {
      const errno = errnoOf(error);
      // ENOENT: the lock's holder took our draft for a dead run's.
      if (errno === 'EEXIST' || errno === 'ENOENT') return false;
      if (!isNoHardlink(error)) throw error;
      return createInPlace(this.#out, name, text);
    } finally {
      this.#out.removeFile(draft);
    }
  }

  remove(name: BytePath): void {
    try {
      this.#out.removeFile(name);
    } catch (error) {
      throw destinationError(
        error,
        "remove a dead receiver's lock,",
        joinPath(this.#out.path, name),
      );
    }
  }
}

function createInPlace(out: HeldDirectory, name: BytePath, text: string): boolean {
  try {
    write(out, name, text);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** On a full disk the file may exist before the write fails: it is removed. */
function write(out: HeldDirectory, name: BytePath, text: string): void {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  const fd = out.openFile(name, O_CREAT | O_EXCL | O_WRONLY, 0o644);
  try {
    writeFileSync(fd, text);
  } catch (error) {
    out.removeFile(name);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * Checks the type before it opens: opening a device may have side effects, and others who write into OUT
 * can put anything there.
 */
function read(out: HeldDirectory, name: BytePath): FoundLock | undefined {
  const found = out.look(name);
  if (found === undefined) return undefined;
  checkIsLock(found, out, name);
  let fd: number;
  try {
    fd = out.openFile(name, constants.O_RDONLY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw destinationError(error, 'read the lock', joinPath(out.path, name));
  }
  try {
    const stats = fstatSync(fd, { bigint: true });
    checkIsLock(stats, out, name);
    const bytes = Buffer.alloc(MAX_LOCK_BYTES);
    const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0));
    const ageMs = Date.now() - Number(stats.mtimeNs / 1_000_000n);
    const identity = `${stats.dev}:${stats.ino}:${stats.mtimeNs}:${text}`;
    return { text, identity, isAlive: isAlive(parseHolder(text), ageMs) };
  } finally {
    closeSync(fd);
  }
}

function checkIsLock(stats: BigIntStats, out: HeldDirectory, name: BytePath): void {
  if (stats.isFile() && stats.size <= MAX_LOCK_BYTES) return;
  const path = toText(joinPath(out.path, name));
  const what = stats.isFile() ? `a file of ${stats.size} bytes` : kindOf(stats);
  const message = `${path} is ${what}, and not a lock of ctxsync; remove it`;
  throw new CtxsyncError('not-writable', message, { path });
}

function lockedBy(out: BytePath, path: BytePath, found: FoundLock | 'contended'): CtxsyncError {
  const holder = found === 'contended' ? undefined : parseHolder(found.text);
  const words = holder && [`pid ${holder.pid}`, `on ${holder.host}`, `since ${holder.since}`];
  // Untrusted: any writer to OUT may have written it.
  const details = words?.map((word) => toText(fromText(word.slice(0, MAX_WORD_CHARS))));
  const heldBy = details && `${details[0]} ${details[1]}, ${details[2]}`;
  const who = heldBy === undefined ? 'another receiver' : `another receiver (${heldBy})`;
  return new CtxsyncError(
    'locked',
    `${toText(out)} is locked by ${who}; wait for it to end, or, if it is certainly gone, remove ${toText(path)}`,
    { path: toText(out), holder: heldBy },
  );
}

/** UTF-16 units: enough for a full host name. */
const MAX_WORD_CHARS = 256;
