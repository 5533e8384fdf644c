import type { HeldDirectory } from '../disk/held-directory.ts';
import type { BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { ManifestEntry } from '../entry/entry.ts';
import { versionOf } from './file-version.ts';
import { hashExisting } from './hash-existing.ts';
import { MovedFiles } from './moved-files.ts';
import type { Existing } from './ordered-lookup.ts';
import type { OwnCopy } from './own-copies.ts';
import type { PartialStages } from './partial-stages.ts';

export interface OwnCopySearchOptions {
  /** The directory that the context becomes, if it exists. */
  base: HeldDirectory | undefined;
  partialStages: PartialStages;
  /** Names in `base` that belong to other contexts of the transfer. */
  others: readonly BytePath[];
  /** Ours, as OUT's file system shows it: only the owner of a file may change its mode and time. */
  uid: bigint | undefined;
  status: WorkerStatus;
}

/** Content that a wanted file need not be sent with, if the source has the same. */
export interface FoundCopy {
  copy: OwnCopy;
  /** In hexadecimal digits. */
  sha256: string;
}

/** Looks for content that wanted files may have, in walk order. */
export class OwnCopySearch {
  readonly #options: OwnCopySearchOptions;
  readonly #movedFiles: MovedFiles;

  constructor(options: OwnCopySearchOptions) {
    this.#options = options;
    const { base, others, status } = options;
    this.#movedFiles = new MovedFiles(base, others, status);
  }

  /**
   * The likeliest first: what an interrupted run left, the file itself, and, for a new one, one that may have
   * been moved. Of a file that changed OUT need not be looked through.
   *
   * @param found the existing entry of the same path
   * @param isLike it is a file that may have the content
   */
  find(entry: ManifestEntry, found: Existing | undefined, isLike: boolean): FoundCopy | undefined {
    const kept = this.#kept(entry);
    if (kept !== undefined) return kept;
    if (found?.stats.isFile() !== true) return this.#moved(entry);
    return isLike ? this.#itself(entry, found) : undefined;
  }

  /** Whether an existing file can be changed in place. We do not know whether its other names may change too. */
  canStay({ stats }: Existing): boolean {
    return stats.nlink === 1n && stats.uid === this.#options.uid;
  }

  #kept({ path, size, mtimeUs }: ManifestEntry): FoundCopy | undefined {
    const { partialStages, status } = this.#options;
    const kept = partialStages.empty ? undefined : partialStages.find(path, size, mtimeUs);
    const sha256 = kept === undefined ? '' : hashExisting(kept, path, status);
    return sha256 === '' ? undefined : { copy: { kind: 'partial-stage', path }, sha256 };
  }

  #itself({ path, size, sha256: listed }: ManifestEntry, itself: Existing): FoundCopy | undefined {
    // An empty file is sent as fast as it is copied.
    if (size === 0) return undefined;
    const sha256 = listed ?? hashExisting(itself, path, this.#options.status);
    if (sha256 === '') return undefined;
    const copy: OwnCopy = this.canStay(itself)
      ? { kind: 'in-place', path, version: versionOf(itself.stats) }
      : { kind: 'copy', path, source: path, sha256 };
    return { copy, sha256 };
  }

  #moved(entry: ManifestEntry): FoundCopy | undefined {
    const { path, sha256: listed } = entry;
    return this.#movedFiles.withLikeliest(entry, (found, source) => {
      const sha256 = hashExisting(found, source, this.#options.status);
      if (sha256 === '' || (listed !== undefined && listed !== sha256)) return undefined;
      return { copy: { kind: 'copy', path, source, sha256 }, sha256 };
    });
  }
}
