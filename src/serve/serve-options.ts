import type { TransferEvent } from '../observe/events.ts';
import type { DirectoryTargetOptions } from '../receive/target-options.ts';
import type { TransferOptions } from '../transfer/options.ts';

export interface ServeOptions extends Omit<TransferOptions, 'onEvent' | 'onSample'> {
  /** The path of the Unix socket that senders connect to. */
  socket: string;
  /**
   * Where contexts are received. A sender of a single named context uses only the directory of that name in
   * it, in parallel with senders of other names; every other sender uses all of it.
   */
  to: DirectoryTargetOptions;
  /** Refuse more bytes of file content than this from one sender; default: no limit. */
  maxBytes?: number | undefined;
  /** Refuse more entries than this from one sender; default 4,000,000. */
  maxEntries?: number | undefined;
  /**
   * Aborting it shuts down cleanly: no more senders are accepted, waiting ones are refused, and running
   * transfers finish. (Aborting `signal` interrupts running transfers too.)
   */
  finish?: AbortSignal | undefined;
  /** Called once senders can connect. */
  onListening?: (() => void) | undefined;
  /** Called with the events of each transfer. */
  onEvent?: ((event: ServeEvent) => void) | undefined;
}

/** An event of one of the transfers of serve(). */
export type ServeEvent = TransferEvent & {
  /** Counts up from 1, in the order in which senders connected. */
  transfer: number;
  /** The directory that it is received into; absent until the sender has listed its contexts. */
  destination?: string | undefined;
};
