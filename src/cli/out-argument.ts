import type { DirectoryTargetOptions } from '../receive/target-options.ts';
import { usageError } from './usage-error.ts';

interface DeleteOptions {
  delete?: true;
  allowEmpty?: true;
  maxDelete?: number;
}

export interface OutOptions extends DeleteOptions {
  /** Milliseconds. */
  wait?: number;
}

/** OUT must not be empty. @throws CtxsyncError usage */
export function checkOut(out: string): void {
  if (out === '') throw usageError('OUT is empty; name a directory');
}

/** @throws CtxsyncError usage */
export function directoryTarget(directory: string, options: OutOptions): DirectoryTargetOptions {
  const { delete: mirrors, allowEmpty, maxDelete, wait: waitMs } = options;
  if (mirrors !== true && (allowEmpty === true || maxDelete !== undefined)) {
    throw usageError('--allow-empty and --max-delete only apply with --delete; give that too');
  }
  return { directory, delete: mirrors, allowEmpty, maxDelete, waitMs };
}
