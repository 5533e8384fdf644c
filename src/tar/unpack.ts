import { joinPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { Content, Entry, EntryKind, EntrySink } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { checkPath, type EntryValidator } from '../entry/entry-validator.ts';
import { lossesOf, toEntry } from './member-entry.ts';
import type { TarReader } from './tar-reader.ts';

export interface UnpackOptions {
  /** The directory in OUT that the context is to become; '' for OUT itself. */
  name: BytePath;
  validator: EntryValidator;
  /** Add the directories that a foreign tar has no entry for. Our own has them all. */
  addDirectories: boolean;
  /** Files may come without their content: the sink has it. */
  takesKept: boolean;
  onSkipped: (path: BytePath, reason: string) => void;
  onChanged: (path: BytePath, reason: string) => void;
  /** An entry is done, by its path in the context; not called for the context's own root. */
  onEntry: (kind: EntryKind, path: BytePath) => void;
}

/**
 * Takes an archive apart, entry by checked entry.
 * @throws CtxsyncError unsafe-entry, over-limit, and what the reader and the sink throw
 */
export function unpack(reader: TarReader, sink: EntrySink, options: UnpackOptions): void {
  for (let member = reader.next(); member !== undefined; member = reader.next()) {
    const entry = toEntry(member);
    if ('skipped' in entry) {
      options.validator.checkSkipped(member.path);
      options.onSkipped(member.path, entry.skipped);
      continue;
    }
    if (entry.kept !== undefined) checkKept(entry, options);
    const { path } = entry;
    if (options.addDirectories && isRepeated(entry, options)) {
      options.validator.checkSkipped(member.path);
      options.onSkipped(member.path, 'a hardlink to itself: the tar has it twice');
      continue;
    }
    const isRoot = path === '';
    const losses = lossesOf(member);
    if (losses.length > 0) options.onChanged(member.path, losses.join('; '));
    if (entry.kind === 'directory' && reader.content().length > 0)
      throw directoryWithContent(entry);
    // A root that is no directory stays the root: the validator refuses it.
    if (!isRoot || entry.kind === 'directory') entry.path = inContext(options.name, entry.path);
    if (entry.kind === 'hardlink') entry.link = inContext(options.name, entry.link ?? '');
    if (options.addDirectories) addMissingDirectories(entry, sink, options);
    sink.add(entry, reader, options.validator.check(entry));
    if (reader.content().length > 0) {
      throw new CtxsyncError('internal', `content of ${toText(entry.path)} was left over`);
    }
    if (!isRoot) options.onEntry(entry.kind, path);
  }
  sink.end();
}

/** A file that a tar was given twice: GNU tar and bsdtar make a hardlink to itself of the second. */
function isRepeated({ path, kind, link }: Entry, { name, validator }: UnpackOptions): boolean {
  return kind === 'hardlink' && link === path && validator.mayLinkTo(inContext(name, path));
}

/** A file whose name ends with a slash is a directory, and its size a lie. */
function directoryWithContent({ path }: Entry): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError('unsafe-entry', `refused ${text}: it is a directory with content`, {
    path: text,
  });
}

function checkKept({ path, size }: Entry, { takesKept }: UnpackOptions): void {
  if (takesKept && size === 0) return;
  const text = toText(path);
  const why = takesKept ? 'it is kept here, and has content' : 'it comes without its content';
  throw new CtxsyncError('unsafe-entry', `refused ${text}: ${why}`, { path: text });
}

function inContext(name: BytePath, path: BytePath): BytePath {
  // An absolute path stays one: the validator refuses it.
  if (name === '' || path.startsWith('/')) return path;
  return path === '' ? name : joinPath(name, path);
}

/** Directories that have no entry of their own get the mode that mkdir gives, and the child's time. */
function addMissingDirectories(
  child: Entry,
  sink: EntrySink,
  { validator, onEntry }: UnpackOptions,
): void {
  // Before its parents: it is the one that the archive has, and that is to be named.
  checkPath(child.path);
  for (let at = child.path.indexOf('/'); at >= 0; at = child.path.indexOf('/', at + 1)) {
    const path = child.path.slice(0, at);
    if (validator.hasDirectory(path)) continue;
    const directory: Entry = {
      path,
      kind: 'directory',
      mode: 0o755,
      mtimeUs: child.mtimeUs,
      size: 0,
    };
    sink.add(directory, NO_CONTENT, validator.check(directory));
    onEntry('directory', path);
  }
}

const NO_CONTENT: Content = { content: () => new Uint8Array(0), consumed: () => {} };
