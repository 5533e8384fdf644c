/** A folder over which contexts are laid. */
export interface FolderTarget {
  folder: string;
  /** Take out of it what the contexts do not have; of contexts that all have names, only in theirs. */
  delete?: boolean | undefined;
  /** With `delete`: also where a context has no entries; otherwise that is refused. */
  allowEmpty?: boolean | undefined;
  /** With `delete`: refuse to take out more entries than this; default: any number. */
  maxDelete?: number | undefined;
}
