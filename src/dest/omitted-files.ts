import { constants } from 'node:fs';
import { joinPath, splitPath, type BytePath } from '../disk/byte-path.ts';
import { Descent } from '../disk/descent.ts';
import { hashFile } from '../disk/hash-file.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { sourceChanged } from '../disk/system-error.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { writeAll } from '../disk/write-all.ts';
import type { Entry } from '../entry/entry.ts';
import { withoutContent } from '../entry/unpack.ts';
import { withFiles } from './copy-entry.ts';
import { changedMeanwhile } from './file-version.ts';
import type { LocalChange } from './local-changes.ts';
import type { OwnCopies } from './own-copies.ts';
import type { PartialStages } from './partial-stages.ts';

export interface OmittedFilesOptions {
  /** The directory in OUT that the context becomes; '' for OUT itself. */
  name: BytePath;
  /** What the sender was asked about. Closed with this object. */
  ownCopies: OwnCopies;
  /** The caller's to close. */
  out: HeldDirectory;
  /** Closed with this object. */
  partialStages: PartialStages;
  status: WorkerStatus;
  /** Called with the new mode and time of a file that stays in OUT. */
  onLocalChange: (change: LocalChange) => void;
}

/** Files that were put in place without their content being sent. */
export interface OmittedCounts {
  /** Only mode or time differed. */
  metadataOnly: number;
  /** The content was in another file of OUT, or left by an interrupted run. */
  reused: number;
}

/**
 * Provides the files of a context that come without their content, because the sender has confirmed that it is
 * the content of the own copy that it was asked about.
 */
export class OmittedFiles {
  readonly counts: OmittedCounts = { metadataOnly: 0, reused: 0 };
  readonly #options: OmittedFilesOptions;
  /** Leads to the files that are copied. */
  readonly #sources: Descent;

  constructor(options: OmittedFilesOptions) {
    this.#options = options;
    this.#sources = new Descent(options.out);
  }

  /** Enters a directory of the context, in walk order. @param path within OUT */
  enter(path: BytePath): void {
    this.#options.partialStages.enter(path);
  }

  /**
   * @param entry its path is within OUT
   * @param to the directory of the stage to make it in, unless it stays in OUT
   * @throws the system call's error, and CtxsyncError: unsafe-entry, if the sender was not asked
   */
  provide(entry: Entry, to: HeldDirectory, name: BytePath): void {
    const { path, mode, mtimeUs } = entry;
    const { ownCopies, onLocalChange } = this.#options;
    const inContext = this.#inContext(path);
    const copy = ownCopies.find(inContext);
    if (copy === undefined) throw withoutContent(path);
    if (copy.kind === 'in-place') {
      const { version } = copy;
      onLocalChange({ kind: 'metadata', path: inContext, mode, mtimeUs, version });
    } else {
      if (copy.kind === 'partial-stage') this.#adopt(entry, to, name);
      else this.#copy(copy, entry, to, name);
      to.setChildMetadata(name, { mode, mtimeUs });
    }
    const isItself =
      copy.kind === 'in-place' || (copy.kind === 'copy' && copy.source === copy.path);
    this.counts[isItself ? 'metadataOnly' : 'reused'] += 1;
  }

  close(): void {
    this.#sources.close();
    this.#options.ownCopies.close();
    this.#options.partialStages.close();
  }

  #inContext(path: BytePath): BytePath {
    const { name } = this.#options;
    return name === '' ? path : path.slice(name.length + 1);
  }

  #adopt({ path, size, mtimeUs }: Entry, to: HeldDirectory, name: BytePath): void {
    const found = this.#options.partialStages.find(path, size, mtimeUs);
    // It existed at the comparison, with the time that the source had then.
    if (found === undefined) throw sourceChanged(path, 'was written to');
    found.directory.rename(found.name, to, name);
  }

  #copy(
    { source, sha256 }: { source: BytePath; sha256: string },
    { path, size }: Entry,
    to: HeldDirectory,
    name: BytePath,
  ): void {
    const from = joinPath(this.#options.name, source);
    const [parent, child] = splitPath(from);
    this.#sources.goTo(parent);
    const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;
    const onRead = (): void => this.#options.status.enter('writing', path);
    withFiles(
      () => this.#sources.directory.openFile(child, O_RDONLY),
      () => to.openFile(name, O_CREAT | O_EXCL | O_WRONLY, 0o600),
      (fd, target) => {
        const copied = hashFile(fd, size, onRead, (piece) => writeAll(target, piece));
        if (copied.sha256 !== sha256 || copied.bytes !== size) throw changedMeanwhile(from);
      },
    );
  }
}
