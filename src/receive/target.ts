import type { Ring } from '../flow/ring.ts';
import type { CtxsyncError } from '../errors.ts';
import type { ContextReport, EntryCounts } from '../report.ts';
import type { IncomingStream } from '../wire/demux.ts';

/** Where contexts end up, as a run sees it: a directory (DirectoryTarget) or a tar (TarTarget). */
export interface Target {
  /** Settles when streams can be worked on; they may be opened before. */
  prepare(): Promise<void>;
  /**
   * A stream begins: the queue that takes its bytes.
   * @param contexts the names of all, where they compare
   * @throws CtxsyncError to refuse it
   */
  open(stream: IncomingStream, contexts: readonly string[]): Ring;
  /** A stream waits for its turn: until `noneWaiting` settles nothing should be read for it. */
  readonly crowded: boolean;
  noneWaiting(): Promise<void>;
  /** Settles when all that was opened has been worked off. */
  worked(): Promise<void>;
  /** Publishes it all. */
  commit(): Promise<void>;
  /** All is in place, whatever else goes wrong. */
  readonly committed: boolean;
  /** The run failed and its threads were cancelled: waits for what is under way. */
  settle(error: CtxsyncError): Promise<void>;
  /**
   * Takes back what was done, after `settle`.
   * @param duplex the sender may come again and ask what we have
   */
  discard(error: CtxsyncError, duplex: boolean): Promise<void>;
  contexts(): ContextReport[];
  counts(): EntryCounts | undefined;
  /** Bytes of the tar that its reader's pipe has taken. */
  readonly outputBytes: number;
  /** Milliseconds for which the tar's reader has not read; undefined when it is not waited for. */
  outputPendingMs(now: number): number | undefined;
}
