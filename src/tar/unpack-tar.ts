import { toText, type BytePath } from '../disk/byte-path.ts';
import type { EntryValidator } from '../entry/entry-validator.ts';
import type { Entry, EntryKind, EntrySink } from '../entry/entry.ts';
import { addMissingDirectories } from '../entry/missing-directories.ts';
import { CtxsyncError } from '../errors.ts';
import { lossesOf, toEntry } from './member-entry.ts';
import type { TarReader } from './tar-reader.ts';

export interface UnpackTarOptions {
  validator: EntryValidator;
  onSkipped: (path: BytePath, reason: string) => void;
  onChanged: (path: BytePath, reason: string) => void;
  /** An entry is complete. Not called for the root. */
  onEntry: (kind: EntryKind, path: BytePath) => void;
}

/**
 * Unpacks a foreign tar, checks each entry, and adds the directories that have no entry.
 * @throws CtxsyncError unsafe-entry, over-limit, and what the reader and the sink throw
 */
export function unpackTar(reader: TarReader, sink: EntrySink, options: UnpackTarOptions): void {
  const { validator, onSkipped, onChanged, onEntry } = options;
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
    if (losses.length > 0) onChanged(member.path, losses.join('; '));
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

/** A file that was added twice: GNU tar and bsdtar store the second as a hardlink to itself. */
function isRepeated({ path, kind, link }: Entry, validator: EntryValidator): boolean {
  return kind === 'hardlink' && link === path && validator.mayLinkTo(path);
}

/** A file whose name ends with a slash is a directory, and must not have content. */
function directoryWithContent({ path }: Entry): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError('unsafe-entry', `refused ${text}: it is a directory with content`, {
    path: text,
  });
}
