import { toText, type BytePath } from '../disk/byte-path.ts';
import type { EntryStats } from '../disk/entry-stats.ts';
import { inodeKey } from '../disk/inode.ts';
import { CtxsyncError } from '../errors.ts';

/**
 * Changes whenever the file is written to, replaced, or gets another name, mode or owner: its ctime cannot be
 * set back.
 */
export function versionOf(stats: EntryStats): string {
  return `${inodeKey(stats)} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
}

/** A file of OUT is no longer what was compared. */
export function changedMeanwhile(path: BytePath): CtxsyncError {
  const text = toText(path);
  const message = `${text} was changed after it was compared: something else is changing OUT; send again`;
  return new CtxsyncError('not-writable', message, { path: text });
}
