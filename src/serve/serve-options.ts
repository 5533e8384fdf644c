import type { TransferEvent } from '../observe/events.ts';
import type { DirectoryTargetOptions } from '../receive/target-options.ts';
import type { TransferOptions } from '../transfer/options.ts';

export interface ServeOptions extends Omit<TransferOptions, 'onEvent'> {
  /** The path of the Unix socket at which senders come. */
  socket: string;
  /**
   * Where contexts land. A sender of one context that has a name works on that directory of it alone,
   * side by side with senders of other names; every other sender works on it as a whole.
   */
  to: DirectoryTargetOptions;
  /** Bytes of file content that are accepted of one sender; default: any number. */
  maxBytes?: number | undefined;
  /** Entries that are accepted of one sender; default 4,000,000. */
  maxEntries?: number | undefined;
  /**
   * Aborting it ends the serving in good order: nobody else is accepted, those that wait for their
   * turn are told, and what runs is finished. (Aborting `signal` ends what runs as interrupted, too.)
   */
  finish?: AbortSignal | undefined;
  /** Told what happens to each transfer. */
  onEvent?: ((event: ServeEvent) => void) | undefined;
}

/** What serve() tells: an event of one of its transfers. */
export type ServeEvent = TransferEvent & {
  /** Counts up from 1, in the order in which senders came. */
  transfer: number;
  /** The directory that it lands in; absent until its sender has said what it sends. */
  destination?: string | undefined;
};
