import type { Writable } from 'node:stream';
import type { Outgoing } from '../transport/transport.ts';
import type { WebWritable } from '../transport/web-stream.ts';

/** What to receive into: a directory, into which the contexts are merged, or one tar. */
export type TargetOptions = DirectoryTargetOptions | TarTargetOptions;

/** A directory to receive into. */
export interface DirectoryTargetOptions {
  directory: string;
  /**
   * Milliseconds to wait while another receiver holds the directory; default: 0, it is refused at once.
   * Whoever comes first when it is released gets it.
   */
  waitMs?: number | undefined;
  /** Delete whatever the contexts do not have; if all contexts are named, only in their own directories. */
  delete?: boolean | undefined;
  /** With `delete`: also accept a context without entries, which is otherwise refused. */
  allowEmpty?: boolean | undefined;
  /** With `delete`: refuse to delete more entries than this; default: no limit. */
  maxDelete?: number | undefined;
}

/** One tar, written as the context arrives: only the outcome shows whether it is complete. */
export interface TarTargetOptions {
  tar: Outgoing | Writable | WebWritable;
}
