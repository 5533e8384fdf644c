import { randomBytes } from 'node:crypto';

/** A fresh name for a stage in OUT; isWorkName() knows it again, as it does those below. */
export function stageName(): string {
  return `.ctxsync-${randomDigits()}`;
}

/** A fresh name for a lock that is not in force: not yet, or no longer. */
export function lockDraftName(): string {
  return `${LOCK_NAME}-${randomDigits()}`;
}

export const LOCK_NAME = '.ctxsync-lock';

function randomDigits(): string {
  return randomBytes(8).toString('hex');
}
