import type { Ring } from '../flow/ring.ts';
import type { CtxsyncError } from '../errors.ts';
import type { ContextReport } from '../observe/events.ts';
import type { IncomingStream } from '../wire/demux.ts';

/** Where contexts end up, as a run sees it: a folder (FolderLanding) or a tar (TarLanding). */
export interface Landing {
  /** Settles when streams can be worked on; they may be opened before. */
  prepare(): Promise<void>;
  /** A stream begins: the queue that takes its bytes. @throws CtxsyncError to refuse it */
  open(stream: IncomingStream): Ring;
  /** A stream waits for its turn: until `noneWaiting` settles nothing should be read for it. */
  readonly crowded: boolean;
  noneWaiting(): Promise<void>;
  /** Settles when all that was opened has been worked off. */
  worked(): Promise<void>;
  /** Publishes it all. */
  commit(): Promise<void>;
  /** All is in place, whatever else goes wrong. */
  readonly committed: boolean;
  /** The run failed and its crew was cancelled: waits for what is under way. */
  settle(error: CtxsyncError): Promise<void>;
  /** Takes back what was done, after `settle`. */
  discard(error: CtxsyncError): Promise<void>;
  contexts(): ContextReport[];
  /** Milliseconds for which the tar's reader has not read; undefined when it is not waited for. */
  outputPendingMs(now: number): number | undefined;
}
