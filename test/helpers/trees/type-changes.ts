import type { EntryKind } from '../../../src/entry/entry.ts';

/** A path's kind, and another that the same path may not have too: a hardlink is a file. */
export const TYPE_CHANGES: [first: EntryKind, second: EntryKind][] = [
  ['file', 'folder'],
  ['folder', 'file'],
  ['file', 'symlink'],
  ['symlink', 'file'],
  ['folder', 'symlink'],
  ['symlink', 'folder'],
  ['folder', 'hardlink'],
  ['symlink', 'hardlink'],
  ['hardlink', 'folder'],
  ['hardlink', 'symlink'],
];
