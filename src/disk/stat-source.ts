import { lstatSync, type BigIntStats } from 'node:fs';
import type { BytePath } from './byte-path.ts';
import { sourceError } from './system-error.ts';

/** @throws CtxsyncError source-unreadable, source-changed */
export function statSource(fsPath: string | Buffer, path: BytePath): BigIntStats {
  try {
    return lstatSync(fsPath, { bigint: true });
  } catch (error) {
    throw sourceError(error, 'look at', path);
  }
}
