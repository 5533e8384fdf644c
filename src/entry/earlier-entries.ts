import { isBeneath, type BytePath } from '../disk/byte-path.ts';
import { PathTable } from '../disk/path-table.ts';
import type { Entry, EntryKind, ManifestEntry } from './entry.ts';

/** An entry's kind; a hardlink has the kind of its target. */
export type KnownKind = Exclude<EntryKind, 'hardlink'>;

/** An entry, with a field that only a manifest has. */
export type OfferedEntry = Entry & Pick<ManifestEntry, 'linked'>;

/** What a validator must know about the earlier entries of a stream. */
export interface EarlierEntries {
  /** The root, '', is a directory from the start. */
  hasDirectory(path: BytePath): boolean;
  /** The kind of a hardlink to this path; undefined if such a hardlink is not allowed. */
  linkable(path: BytePath): 'file' | 'symlink' | undefined;
  /** @returns the kind of an earlier entry with this path, if there was one */
  add(entry: OfferedEntry, kind: KnownKind): KnownKind | undefined;
}

/** Entries in any order, as in a foreign tar. Takes MAX_TABLE_BYTES_PER_ENTRY for each. */
export class EntryTable implements EarlierEntries {
  readonly #kinds = new PathTable();
  /** The directory last found: most entries are in the same directory as the previous one. */
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
 * Entries in walk order without duplicates, as checked by their reader. It keeps only the directories
 * above the last entry, and the files and symlinks listed as having several names, which take
 * MAX_TABLE_BYTES_PER_ENTRY each.
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
