import { splitPath, type BytePath } from '../disk/byte-path.ts';
import { checkPath, type EntryValidator } from './entry-validator.ts';
import type { Content, Entry, EntryKind, EntrySink } from './entry.ts';

/** Directories without an entry of their own get mkdir's usual mode and the child's time. */
export function addMissingDirectories(
  child: Entry,
  sink: EntrySink,
  {
    validator,
    onEntry,
  }: { validator: EntryValidator; onEntry: (kind: EntryKind, path: BytePath) => void },
): void {
  const [parent] = splitPath(child.path);
  if (validator.hasDirectory(parent)) return;
  // Before its parents, so that an error names the path that was given.
  checkPath(child.path);
  for (let at = child.path.indexOf('/'); at >= 0; at = child.path.indexOf('/', at + 1)) {
    const path = child.path.slice(0, at);
    if (validator.hasDirectory(path)) continue;
    const { mtimeUs } = child;
    const directory: Entry = { path, kind: 'directory', mode: 0o755, mtimeUs, size: 0 };
    sink.add(directory, NO_CONTENT, validator.check(directory));
    onEntry('directory', path);
  }
}

const NO_CONTENT: Content = { content: () => new Uint8Array(0), consumed: () => {} };
