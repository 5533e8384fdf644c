import { randomBytes } from 'node:crypto';

/** A fresh name for a work file or folder in OUT; isWorkName() knows it again. */
export function workName(): string {
  return `.ctxsync-${randomBytes(8).toString('hex')}`;
}
