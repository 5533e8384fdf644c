import type { BigIntStats } from 'node:fs';

/** What ctxsync has to know of an entry on a disk: a part of what lstat(2) says. */
export type EntryStats = Pick<
  BigIntStats,
  | 'dev'
  | 'ino'
  | 'mode'
  | 'nlink'
  | 'uid'
  | 'size'
  | 'mtimeNs'
  | 'ctimeNs'
  | 'birthtimeNs'
  | 'isFile'
  | 'isDirectory'
  | 'isSymbolicLink'
>;
