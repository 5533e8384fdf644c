import type { ErrorCode } from '../error-code.ts';
import type { Side, TransferReport, Verdict } from '../report.ts';

/**
 * The phases of a run, in order. A sender does not commit. `queued`: others must finish with the
 * destination first; afterwards the phase before it resumes.
 */
export type Phase = 'preparing' | 'queued' | 'comparing' | 'sending' | 'receiving' | 'committing';

/** How far a run has come. Bytes are of file content. */
export interface Progress {
  phase: Phase;
  /** While `queued`: who is ahead, human-readable. */
  queue?: string | undefined;
  entries: number;
  bytes: number;
  /** Totals of the whole context, once counted. */
  totalEntries?: number | undefined;
  totalBytes?: number | undefined;
  /** Content bytes per second over the last few seconds. */
  bytesPerSecond: number;
  /** Entries per second over the last few seconds. */
  entriesPerSecond: number;
  /** Seconds left at this rate; absent until totals and rate are known. */
  etaSeconds?: number | undefined;
  /** The path being worked on, human-readable. */
  path?: string | undefined;
  elapsedMs: number;
}

/** What send() and receive() report to their caller while they run. */
export type TransferEvent =
  | { type: 'phase'; side: Side; phase: Phase; elapsedMs: number; queue?: string | undefined }
  /** The peer shows progress on the same screen: stay quiet except for warnings and the end. */
  | { type: 'peer-shows-progress'; duplex: boolean }
  | ({ type: 'progress'; side: Side } & Progress)
  | { type: 'warning'; side: Side; message: string; path?: string | undefined }
  /** A stderr line of the command that runs the receiver. */
  | { type: 'command-output'; side: Side; line: string }
  /** Comes after `stallAfterMs` without progress, again at 30 s, and then every minute. */
  | { type: 'stall'; side: Side; verdict: Verdict; stalledMs: number }
  | { type: 'resumed'; side: Side; stalledMs: number }
  /** The connection was lost, or could not be made: after `delayMs` the `retry`th of `retries` begins. */
  | {
      type: 'retry';
      side: Side;
      error: { code: ErrorCode; message: string; path?: string | undefined };
      delayMs: number;
      retry: number;
      retries: number;
    }
  /** The last event of a run. */
  | { type: 'end'; side: Side; report: TransferReport };
