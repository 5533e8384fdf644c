import type { BytePath } from '../disk/byte-path.ts';
import { LOCK_ATTEMPTS } from '../limits.ts';
import { claimName, LOCK_NAME } from './work-name.ts';

/** A lock as it was found. */
export interface FoundLock {
  text: string;
  /** Unique for each lock, and changed by a refresh. */
  identity: string;
  isAlive: boolean;
}

/** What receivers do to the locks of a directory. Each operation is atomic. */
export interface LockFiles {
  read(name: BytePath): FoundLock | undefined;
  /** False: the name exists already. */
  create(name: BytePath, text: string): boolean;
  remove(name: BytePath): void;
}

/** Undefined means "by us"; 'contended' means that others were repeatedly faster. */
export type HeldBy = FoundLock | 'contended' | undefined;

/**
 * Takes the lock. No two receivers hold it, however many try at the same time and wherever any of them is
 * interrupted or killed. Yields a description of each step before taking it: a test tries all
 * interleavings.
 *
 * A lock is created where there is none, which only one receiver can do. A stale lock has to be removed
 * first, but after we read it another receiver may have replaced it: then we would remove a lock in
 * force. So a lock is removed only under the *claim* on it, a file whose name is derived from the lock's
 * identity, and only after a second read. While a claim is held nobody else can remove its lock, and the
 * identity of a removed lock never returns. A claim whose holder is dead is itself a stale lock, and is
 * removed in the same way.
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
