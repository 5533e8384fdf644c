import type { Ring } from '../flow/ring.ts';
import type { CtxsyncError } from '../errors.ts';
import type { Comparing } from '../observe/work.ts';
import type { ContextReport, EntryCounts } from '../report.ts';
import type { IncomingStream } from '../wire/demux.ts';

/** A comparison in progress. */
export interface ComparisonProgress {
  comparing: Comparing;
  /** Some of the contexts are sent whole. */
  wantsWhole: boolean;
}

/** What a run receives into: a directory (DirectoryTarget) or a tar (TarTarget). Called in this order. */
export interface Target {
  /** Settles when streams can be worked on; they may be opened before. */
  prepare(): Promise<void>;
  /**
   * Called when a stream begins; returns the queue for its bytes.
   * @param contexts the names of all contexts, if the sender listed them
   * @throws CtxsyncError to refuse it
   */
  open(stream: IncomingStream, contexts: readonly string[]): Ring;
  /** A stream waits for its turn: nothing should be read for it until `noneWaiting` settles. */
  readonly crowded: boolean;
  noneWaiting(): Promise<void>;
  /** Settles when every stream that was opened has been processed. */
  worked(): Promise<void>;
  /** Publishes everything. */
  commit(): Promise<void>;
  /** The commit has succeeded, whatever goes wrong later. */
  readonly committed: boolean;
  /**
   * After the commit: passes on the list of what it has changed, if there is one.
   * @param use reads it, as items, to its end
   */
  itemize(use: (ring: Ring) => Promise<void>): Promise<void>;
  /** The run failed and its threads were cancelled: waits for calls that are still running. */
  settle(error: CtxsyncError): Promise<void>;
  /**
   * Undoes what was done, after `settle`.
   * @param duplex the sender may connect again and ask what we have
   */
  discard(error: CtxsyncError, duplex: boolean): Promise<void>;
  contexts(): ContextReport[];
  counts(): EntryCounts | undefined;
  /**
   * How far the comparison has come; undefined when nothing is compared.
   * @param contexts the names of all contexts
   */
  comparing(contexts: readonly string[]): ComparisonProgress | undefined;
  /** Bytes of the tar that were written to its reader's pipe. */
  readonly outputBytes: number;
  /** Milliseconds spent waiting for input's reader; undefined when not waiting. */
  outputPendingMs(now: number): number | undefined;
}
