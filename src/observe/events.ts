import type { Side, TransferReport, Verdict } from '../report.ts';

/**
 * What a run is doing, in the order in which it does it. A sender does not commit. `queued`: others
 * have to be done with the destination first; the phase before it comes again after it.
 */
export type Phase = 'preparing' | 'queued' | 'comparing' | 'sending' | 'receiving' | 'committing';

/** How far a run is. Bytes are of file content. */
export interface Progress {
  phase: Phase;
  /** While it is `queued`: who comes before, as text for people. */
  queue?: string | undefined;
  entries: number;
  bytes: number;
  /** Totals of the whole context, once they are counted. */
  totalEntries?: number | undefined;
  totalBytes?: number | undefined;
  /** Content bytes a second over the last few seconds. */
  bytesPerSecond: number;
  /** Entries a second over the last few seconds. */
  entriesPerSecond: number;
  /** Seconds left at this rate; absent until totals and rate are known. */
  etaSeconds?: number | undefined;
  /** The path being worked on, as text for people. */
  path?: string | undefined;
  elapsedMs: number;
}

/** What send() and receive() tell their caller while they run. */
export type TransferEvent =
  | { type: 'phase'; side: Side; phase: Phase; elapsedMs: number; queue?: string | undefined }
  /** The peer shows progress on the same screen: stay quiet but for warnings and the end. */
  | { type: 'peer-shows-progress' }
  | ({ type: 'progress'; side: Side } & Progress)
  | { type: 'warning'; side: Side; message: string; path?: string | undefined }
  /** A line that the command wrote to stderr which runs the receiver. */
  | { type: 'command-output'; side: Side; line: string }
  /** Comes after `stallAfterMs` without progress, again at 30 s, and then each minute. */
  | { type: 'stall'; side: Side; verdict: Verdict; stalledMs: number }
  | { type: 'resumed'; side: Side; stalledMs: number }
  /** The last event of a run. */
  | { type: 'end'; side: Side; report: TransferReport };
