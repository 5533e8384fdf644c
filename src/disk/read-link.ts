import { readlinkSync } from 'node:fs';
import type { CtxsyncError } from '../errors.ts';
import { toFsPath, type BytePath } from './byte-path.ts';

/**
 * Reads a symlink's text.
 * @param toError for the side that it is on
 * @throws CtxsyncError
 */
export function readLink(
  fsPath: BytePath,
  path: BytePath,
  toError: (thrown: unknown, doing: string, path: BytePath) => CtxsyncError,
): BytePath {
  try {
    return readlinkSync(toFsPath(fsPath), 'latin1');
  } catch (error) {
    throw toError(error, 'read the symlink', path);
  }
}
