import { getSystemErrorMap } from 'node:util';
import { CtxsyncError, type ErrorCode } from '../errors.ts';
import { toText, type BytePath } from './byte-path.ts';
import { errnoOf } from './errno.ts';

/** Errors of file calls for which libuv has neither a name nor a text. */
const WORDS: Record<string, string> = {
  EDQUOT: 'disk quota exceeded',
  ERR_INVALID_ARG_VALUE: 'a path must not contain a NUL byte',
  ESTALE: 'stale file handle',
};

/** "permission denied (EACCES)" */
export function describeSystemError(thrown: unknown): string {
  const code = errnoOf(thrown);
  if (code === undefined) return thrown instanceof Error ? thrown.message : String(thrown);
  const errno = (thrown as NodeJS.ErrnoException).errno;
  const words = WORDS[code] ?? getSystemErrorMap().get(errno ?? NaN)?.[1];
  return words === undefined ? code : `${words} (${code})`;
}

const NO_HARDLINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

/** Whether link(2) failed because no hardlink is possible: on this disk, or to this file. */
export function isNoHardlink(thrown: unknown): boolean {
  return NO_HARDLINKS.has(errnoOf(thrown) ?? '');
}

/** What a failed call means for an entry that existed a moment ago. */
const CHANGES: Record<string, string> = {
  ENOENT: 'vanished',
  ESTALE: 'vanished',
  ENOTDIR: 'was replaced',
  ELOOP: 'was replaced',
  EISDIR: 'was replaced',
};

/** @param happened "grew", "vanished" ... */
export function sourceChanged(path: BytePath, happened: string, cause?: unknown): CtxsyncError {
  const text = nameOf(path);
  return new CtxsyncError(
    'source-changed',
    `${text} ${happened} while the context was read; send again when nothing else changes it`,
    { path: text, cause },
  );
}

/** A failed call on the source: what could not be done, to which path, and why. */
export function sourceError(thrown: unknown, doing: string, path: BytePath): CtxsyncError {
  if (thrown instanceof CtxsyncError) return thrown;
  const errno = errnoOf(thrown);
  const happened = errno === undefined ? undefined : CHANGES[errno];
  if (happened !== undefined) return sourceChanged(path, happened, thrown);
  return systemCallError('source-unreadable', thrown, `cannot ${doing} ${nameOf(path)}`, path);
}

/** A failed call on the destination: no space has its own code. */
export function destinationError(thrown: unknown, doing: string, path: BytePath): CtxsyncError {
  if (thrown instanceof CtxsyncError) return thrown;
  const errno = errnoOf(thrown);
  const full = errno === 'ENOSPC' || errno === 'EDQUOT';
  const code = full ? 'no-space' : 'not-writable';
  return systemCallError(code, thrown, `cannot ${doing} ${nameOf(path)}`, path);
}

function systemCallError(
  code: ErrorCode,
  thrown: unknown,
  what: string,
  path: BytePath,
): CtxsyncError {
  // Anything but a system error is a bug of ours, and must not look like a disk error.
  if (errnoOf(thrown) === undefined) return CtxsyncError.from(thrown);
  return new CtxsyncError(code, `${what}: ${describeSystemError(thrown)}`, {
    path: nameOf(path),
    cause: thrown,
  });
}

/** The context's own root has no name. */
function nameOf(path: BytePath): string {
  return path === '' ? './' : toText(path);
}
