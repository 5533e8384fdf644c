import { joinPath, toText, type BytePath } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import type { EntryValidator } from './entry-validator.ts';
import type { EntryKind, EntrySink } from './entry.ts';
import { addMissingDirectories } from './missing-directories.ts';
import type { TreeReader } from './tree-reader.ts';

export interface UnpackOptions {
  /** The directory in OUT that the context becomes; '' for OUT itself. */
  name: BytePath;
  validator: EntryValidator;
  /** Files may come without content, if the sink has it. */
  takesOmitted: boolean;
  /** Entries may come without their directories, which are then added. */
  addsDirectories?: boolean;
  /** An entry is complete; its path is relative to the context. Not called for the context's root. */
  onEntry: (kind: EntryKind, path: BytePath) => void;
}

/**
 * Unpacks a `tree` stream and checks each entry.
 * @throws CtxsyncError unsafe-entry, over-limit, and what the reader and the sink throw
 */
export function unpack(tree: TreeReader, sink: EntrySink, options: UnpackOptions): void {
  const { name, validator, takesOmitted, addsDirectories, onEntry } = options;
  for (let entry = tree.next(); entry !== undefined; entry = tree.next()) {
    const { kind, path } = entry;
    if (entry.contentOmitted === true && !takesOmitted) throw withoutContent(path);
    // A root that is not a directory stays the root: the validator refuses it.
    if (path !== '' || kind === 'directory') entry.path = inContext(name, path);
    if (kind === 'hardlink') entry.link = inContext(name, entry.link ?? '');
    if (addsDirectories === true) addMissingDirectories(entry, sink, options);
    sink.add(entry, tree, validator.check(entry));
    if (tree.left > 0) {
      throw new CtxsyncError('internal', `content of ${toText(path)} was left over`);
    }
    if (path !== '') onEntry(kind, path);
  }
  sink.end();
}

function inContext(name: BytePath, path: BytePath): BytePath {
  // An absolute path stays absolute: the validator refuses it.
  if (name === '' || path.startsWith('/')) return path;
  return path === '' ? name : joinPath(name, path);
}

/** The receiver does not have its content, as far as the sender can know. */
export function withoutContent(path: BytePath): CtxsyncError {
  const text = toText(path);
  return new CtxsyncError('unsafe-entry', `refused ${text}: it comes without its content`, {
    path: text,
  });
}
