import type { FolderTarget } from '../receive/target-options.ts';
import { usage } from './usage-error.ts';

export interface DeleteOptions {
  delete?: true;
  allowEmpty?: true;
  maxDelete?: number;
}

/** Where contexts are to land has to have a name. @throws CtxsyncError usage */
export function checkOut(out: string): void {
  if (out === '') throw usage('OUT is empty; name a folder');
}

/** @throws CtxsyncError usage */
export function folderTarget(folder: string, options: DeleteOptions): FolderTarget {
  const { delete: mirrors, allowEmpty, maxDelete } = options;
  if (mirrors !== true && (allowEmpty === true || maxDelete !== undefined)) {
    throw usage('--allow-empty and --max-delete say what --delete may do; give that too');
  }
  return { folder, delete: mirrors, allowEmpty, maxDelete };
}
