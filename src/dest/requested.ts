import type { BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { EntryDigest } from '../entry/entry-digest.ts';
import { openPartialStages, type Destination, type OpenDestination } from './destination.ts';
import { listNames } from './list-names.ts';
import { LocalChangeWriter } from './local-changes.ts';
import { OmittedFiles } from './omitted-files.ts';
import { OwnCopyReader } from './own-copies.ts';
import { PartialStages } from './partial-stages.ts';

/**
 * Entries of a context that were requested one by one, as they arrive: some come without their content, and some
 * of those need no entry in the stage.
 */
export class Requested {
  readonly arrived = new EntryDigest();
  readonly omittedFiles: OmittedFiles;
  readonly #localChanges: LocalChangeWriter;

  constructor(
    destination: Destination,
    { out, stage }: OpenDestination,
    name: BytePath,
    index: number,
    status: WorkerStatus,
  ) {
    const { ownCopies, answered } = listNames(index);
    this.#localChanges = new LocalChangeWriter(stage, answered);
    this.omittedFiles = new OmittedFiles({
      name,
      ownCopies: new OwnCopyReader(stage, ownCopies),
      out,
      partialStages: new PartialStages(openPartialStages(destination, out), status),
      status,
      onLocalChange: (change) => this.#localChanges.add(change),
    });
  }

  close(): void {
    this.omittedFiles.close();
    this.#localChanges.close();
  }
}
