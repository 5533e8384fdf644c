import type { DirectoryTargetOptions } from '../receive/target-options.ts';
import { usageError } from './usage-error.ts';

export interface DeleteOptions {
  delete?: true;
  allowEmpty?: true;
  maxDelete?: number;
}

/** OUT must not be empty. @throws CtxsyncError usage */
export function checkOut(out: string): void {
  if (out === '') throw usageError('OUT is empty; name a directory');
}

/** @throws CtxsyncError usage */
export function directoryTarget(directory: string, options: DeleteOptions): DirectoryTargetOptions {
  const { delete: mirrors, allowEmpty, maxDelete } = options;
  if (mirrors !== true && (allowEmpty === true || maxDelete !== undefined)) {
    throw usageError('--allow-empty and --max-delete only apply with --delete; give that too');
  }
  return { directory, delete: mirrors, allowEmpty, maxDelete };
}
