import type { EntryKind } from '../../../src/entry/entry.ts';

/** A path's kind, and another that the same path may not have too: a hardlink is a file. */
export const TYPE_CHANGES: [first: EntryKind, second: EntryKind][] = [
  ['file', 'directory'],
  ['directory', 'file'],
  ['file', 'symlink'],
  ['symlink', 'file'],
  ['directory', 'symlink'],
  ['symlink', 'directory'],
  ['directory', 'hardlink'],
  ['symlink', 'hardlink'],
  ['hardlink', 'directory'],
  ['hardlink', 'symlink'],
];
