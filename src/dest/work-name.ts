import { createHash, randomBytes } from 'node:crypto';
import { inodeKey, type Inode } from '../disk/inode.ts';

/** A fresh name for a stage in OUT. Like those below it is an isWorkName(): no entry has it. */
export function stageName(): string {
  return `.ctxsync-${randomDigits()}`;
}

/** A fresh name for a lock that is not in force: not yet, or no longer. */
export function lockDraftName(): string {
  return `${LOCK_NAME}-${randomDigits()}`;
}

/** The claim on a stale lock, by the lock's identity. */
export function claimName(identity: string): string {
  return `${LOCK_NAME}-${digitsOf(identity)}`;
}

/**
 * Name of a commit's location below a mount point. It is always the same for one OUT, so the holder of
 * OUT's lock knows that an existing one is a dead run's.
 */
export function locationName(out: Inode): string {
  return `.ctxsync-location-${digitsOf(inodeKey(out))}`;
}

export const LOCK_NAME = '.ctxsync-lock';

/** Whether a killed run may have left it; false for the lock. */
export function isLeftover(name: string): boolean {
  return /^\.ctxsync-(?:lock-)?[0-9a-f]{16}$/.test(name);
}

function randomDigits(): string {
  return randomBytes(8).toString('hex');
}

function digitsOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
