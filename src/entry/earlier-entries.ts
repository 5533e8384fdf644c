import { isBeneath, type BytePath } from '../disk/byte-path.ts';
import { PathTable } from '../disk/path-table.ts';
import type { Entry, EntryKind, ManifestEntry } from './entry.ts';

/** What an entry is: a hardlink is what it links to. */
export type KnownKind = Exclude<EntryKind, 'hardlink'>;

/** An entry, and what only a manifest has of it. */
export type OfferedEntry = Entry & Pick<ManifestEntry, 'linked'>;

/** What a validator has to know of the entries of a stream that came before. */
export interface EarlierEntries {
  /** The root, '', is one from the start. */
  hasDirectory(path: BytePath): boolean;
  /** What a hardlink to this path is; undefined when it must not be. */
  linkable(path: BytePath): 'file' | 'symlink' | undefined;
  /** @returns what the path was before, if it was there */
  add(entry: OfferedEntry, kind: KnownKind): KnownKind | undefined;
}

/** Entries in any order, as a foreign tar has them: MAX_TABLE_BYTES_PER_ENTRY each. */
export class EntryTable implements EarlierEntries {
  readonly #kinds = new PathTable();
  /** It was there: most entries lie in the directory of the one before. */
  #directory: BytePath = '';

  hasDirectory(path: BytePath): boolean {
    if (path === this.#directory || path === '') return true;
    if (this.#kinds.get(path) !== VALUES.directory) return false;
    this.#directory = path;
    return true;
  }

  linkable(path: BytePath): 'file' | 'symlink' | undefined {
    const kind = KINDS[this.#kinds.get(path)];
    return kind === 'directory' ? undefined : kind;
  }

  add({ path }: OfferedEntry, kind: KnownKind): KnownKind | undefined {
    return KINDS[this.#kinds.set(path, VALUES[kind])];
  }
}

const KINDS = [undefined, 'file', 'directory', 'symlink'] as const;
const VALUES = { file: 1, directory: 2, symlink: 3 } as const satisfies Record<KnownKind, number>;

/**
 * Entries in the order of a walk, none twice, which whoever reads them has made sure of. Then nothing
 * has to be kept but the directories that the last one lies in, and the files and symlinks that are
 * listed as having several names: MAX_TABLE_BYTES_PER_ENTRY for each of those.
 */
export class AscendingEntries implements EarlierEntries {
  readonly #above: BytePath[] = [];
  readonly #linkable = new PathTable();

  hasDirectory(path: BytePath): boolean {
    while (this.#above.length > 0 && !isAtOrBeneath(path, this.#above.at(-1)!)) this.#above.pop();
    return path === (this.#above.at(-1) ?? '');
  }

  linkable(path: BytePath): 'file' | 'symlink' | undefined {
    const kind = KINDS[this.#linkable.get(path)];
    return kind === 'directory' ? undefined : kind;
  }

  add({ path, kind, linked }: OfferedEntry): undefined {
    if (kind === 'directory') this.#above.push(path);
    if (linked === true && kind !== 'hardlink') this.#linkable.set(path, VALUES[kind]);
  }
}

function isAtOrBeneath(path: BytePath, directory: BytePath): boolean {
  return path === directory || isBeneath(path, directory);
}
