import type { Writable } from 'node:stream';
import type { Outgoing } from '../transport/transport.ts';

/** Where contexts end up: laid over a directory, or as one tar. */
export type TargetOptions = DirectoryTargetOptions | TarTargetOptions;

/** A directory over which contexts are laid. */
export interface DirectoryTargetOptions {
  directory: string;
  /** Take out of it what the contexts do not have; of contexts that all have names, only in theirs. */
  delete?: boolean | undefined;
  /** With `delete`: also where a context has no entries; otherwise that is refused. */
  allowEmpty?: boolean | undefined;
  /** With `delete`: refuse to take out more entries than this; default: any number. */
  maxDelete?: number | undefined;
}

/** One tar, written while the contexts arrive: the outcome tells whether it is whole. */
export interface TarTargetOptions {
  tar: Outgoing | Writable;
}
