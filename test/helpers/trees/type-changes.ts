import type { EntryKind } from '../../../src/entry/entry.ts';

/** The kind of a path, and another kind that replaces it; a hardlink counts as a file. */
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
