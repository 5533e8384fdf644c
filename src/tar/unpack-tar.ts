import { splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import { checkPath, type EntryValidator } from '../entry/entry-validator.ts';
import type { Content, Entry, EntryKind, EntrySink } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { lossesOf, toEntry } from './member-entry.ts';
import type { TarReader } from './tar-reader.ts';

export interface UnpackTarOptions {
  validator: EntryValidator;
  onSkipped: (path: BytePath, reason: string) => void;
  onAltered: (path: BytePath, reason: string) => void;
  /** An entry is done, by its path; not called for the root. */
  onEntry: (kind: EntryKind, path: BytePath) => void;
}

/**
 * Takes a foreign tar apart, entry by checked entry, and adds the directories that it has no entry for.
 * @throws CtxsyncError unsafe-entry, over-limit, and what the reader and the sink throw
 */
export function unpackTar(reader: TarReader, sink: EntrySink, options: UnpackTarOptions): void {
  const { validator, onSkipped, onAltered, onEntry } = options;
  const skip = (path: BytePath, reason: string): void => {
    validator.checkSkipped(path);
    onSkipped(path, reason);
  };
  for (let member = reader.next(); member !== undefined; member = reader.next()) {
    const entry = toEntry(member);
    if ('skipped' in entry) {
      skip(member.path, entry.skipped);
      continue;
    }
    if (isRepeated(entry, validator)) {
      skip(member.path, 'a hardlink to itself: the tar has it twice');
      continue;
    }
    const losses = lossesOf(member);
    if (losses.length > 0) onAltered(member.path, losses.join('; '));
    if (entry.kind === 'directory' && reader.content().length > 0) {
      throw directoryWithContent(entry);
    }
    addMissingDirectories(entry, sink, options);
    sink.add(entry, reader, validator.check(entry));
    if (reader.content().length > 0) {
      throw new CtxsyncError('internal', `content of ${toText(entry.path)} was left over`);
    }
    if (entry.path !== '') onEntry(entry.kind, entry.path);
  }
  sink.end();
}

/** A file that a tar was given twice: GNU tar and bsdtar make a hardlink to itself of the second. */
function isRepeated({ path, kind, link }: Entry, validator: EntryValidator): boolean {
  return kind === 'hardlink' && link === path && validator.mayLinkTo(path);
}

/** A file whose name ends with a slash is a directory, and its size a lie. */
function directoryWithContent({ path }: Entry): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError('unsafe-entry', `refused ${text}: it is a directory with content`, {
    path: text,
  });
}

/** Directories that have no entry of their own get the mode that mkdir gives, and the child's time. */
function addMissingDirectories(
  child: Entry,
  sink: EntrySink,
  { validator, onEntry }: UnpackTarOptions,
): void {
  const [parent] = splitPath(child.path);
  if (validator.hasDirectory(parent)) return;
  // Before its parents: it is the one that the archive has, and that is to be named.
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
