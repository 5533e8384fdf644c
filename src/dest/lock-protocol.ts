import type { BytePath } from '../disk/byte-path.ts';
import { LOCK_ATTEMPTS } from '../limits.ts';
import { claimName, LOCK_NAME } from './work-name.ts';

/** A lock as it was found. */
export interface FoundLock {
  text: string;
  /** Tells it from every other one, and from itself after it was refreshed. */
  identity: string;
  isAlive: boolean;
}

/** What receivers do to the locks of a directory. Each is done at once, or not at all. */
export interface LockFiles {
  read(name: BytePath): FoundLock | undefined;
  /** False: there is one of this name. */
  create(name: BytePath, text: string): boolean;
  remove(name: BytePath): void;
}

/** Undefined stands for "by us"; 'contended' for others that were faster again and again. */
export type HeldBy = FoundLock | 'contended' | undefined;

/**
 * Takes the lock, however many try it at the same time and wherever any of them is interrupted or
 * killed: no two hold it. Before each step it yields what the step is: a test goes through all of their
 * interleavings.
 *
 * A lock is made where there is none, which only one can do. A stale one has to go first, and between
 * looking at it and removing it others may have done both: what is removed then is a lock in force. So
 * only who has the *claim* on this very lock may remove it, a file whose name is derived from the
 * lock's identity, and only after another look. While a claim is held its lock can be removed by nobody
 * else, and a lock that is gone never comes again. A claim whose holder is dead is a stale lock itself,
 * and is removed in the same way.
 */
export function* takeInSteps(
  files: LockFiles,
  text: string,
  attempts = LOCK_ATTEMPTS,
): Generator<string, HeldBy> {
  for (let left = attempts; left > 0; left--) {
    yield `look, ${left} attempts left`;
    const found = files.read(LOCK_NAME);
    if (found === undefined) {
      yield `take, ${left} attempts left`;
      if (files.create(LOCK_NAME, text)) return undefined;
      continue; // another was faster
    }
    if (found.isAlive) return found;
    for (const step of removeStale(files, LOCK_NAME, found, text)) {
      yield `${step}, ${left} attempts left`;
    }
  }
  return 'contended';
}

function* removeStale(
  files: LockFiles,
  name: BytePath,
  { identity }: FoundLock,
  text: string,
): Generator<string, void> {
  const claim = claimName(identity);
  yield `claim ${name} by ${claim}`;
  if (!files.create(claim, text)) {
    yield `look at ${claim}`;
    const claimed = files.read(claim);
    if (claimed?.isAlive === false) yield* removeStale(files, claim, claimed, text);
    return;
  }
  yield `look at ${name} again, with ${claim}`;
  if (files.read(name)?.identity === identity) {
    yield `remove ${name}, with ${claim}`;
    files.remove(name);
  }
  yield `remove ${claim}`;
  files.remove(claim);
}
