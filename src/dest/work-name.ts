import { randomBytes } from 'node:crypto';

/** A fresh name for a stage in OUT. As those below it is an isWorkName(): no entry has it. */
export function stageName(): string {
  return `.ctxsync-${randomDigits()}`;
}

/** A fresh name for a lock that is not in force: not yet, or no longer. */
export function lockDraftName(): string {
  return `${LOCK_NAME}-${randomDigits()}`;
}

export const LOCK_NAME = '.ctxsync-lock';

/** What a run that was killed may have left; the lock apart. */
export function isLeftover(name: string): boolean {
  return /^\.ctxsync-(?:lock-)?[0-9a-f]{16}$/.test(name);
}

function randomDigits(): string {
  return randomBytes(8).toString('hex');
}
