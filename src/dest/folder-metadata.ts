import { chmodSync, utimesSync, type BigIntStats } from 'node:fs';
import { toFsPath, type BytePath } from '../disk/byte-path.ts';
import { setNegativeMtime, toMicroseconds, toUtimesSeconds } from '../disk/mtime.ts';

/** What a folder gets last, when nothing in it changes any more. */
export interface FolderMetadata {
  mode: number;
  mtimeUs: number;
}

export function folderMetadata(stats: BigIntStats): FolderMetadata {
  return { mode: Number(stats.mode) & 0o7777, mtimeUs: toMicroseconds(stats.mtimeNs) };
}

export function setFolderMetadata(path: BytePath, { mode, mtimeUs }: FolderMetadata): void {
  const fsPath = toFsPath(path);
  const seconds = toUtimesSeconds(mtimeUs);
  if (mtimeUs < 0) setNegativeMtime(fsPath, mtimeUs);
  else utimesSync(fsPath, seconds, seconds);
  chmodSync(fsPath, mode);
}
