import type { ErrorCode } from '../error-code.ts';
import type { Finding, Side, TransferReport, Verdict } from '../report.ts';

/**
 * The phases of a run, in order. While contexts are compared, changes are sent already: it is `comparing`
 * until sending takes more. `committing`: the receiver puts everything in place; a sender learns it only
 * where it gets answers. `queued`: others must finish with the destination first; afterwards the phase
 * before it resumes.
 */
export type Phase = 'preparing' | 'queued' | 'comparing' | 'sending' | 'receiving' | 'committing';

/** How far a run has come. Bytes are of file content. */
export interface Progress {
  phase: Phase;
  /** While `queued`: who is ahead, human-readable. */
  queue?: string | undefined;
  entries: number;
  bytes: number;
  /** Of what is sent in all, once that is certain. */
  totalEntries?: number | undefined;
  totalBytes?: number | undefined;
  /** Entries that were compared with the destination; absent when nothing is compared. */
  comparedEntries?: number | undefined;
  /** Entries of all contexts, once counted. */
  contextEntries?: number | undefined;
  /** Of the work, comparison included, 0 to 100; absent until its amount is known or can be estimated. */
  percent?: number | undefined;
  /** Content bytes per second over the last few seconds. */
  bytesPerSecond: number;
  /** Entries per second over the last few seconds. */
  entriesPerSecond: number;
  /** Seconds left at the pace of the last few seconds; absent while that or the percentage is not known. */
  etaSeconds?: number | undefined;
  /** The path being worked on, human-readable. */
  path?: string | undefined;
  /** Milliseconds without progress; absent while they are few, and while the transfer is queued. */
  stalledMs?: number | undefined;
  /** With stalledMs: milliseconds after which the transfer fails, if it is not to wait for ever. */
  failsInMs?: number | undefined;
  elapsedMs: number;
}

/** What send() and receive() report to their caller while they run. */
export type TransferEvent =
  | { type: 'phase'; side: Side; phase: Phase; elapsedMs: number; queue?: string | undefined }
  /**
   * Nothing can begin until the other side comes: a receiver listens at a socket, or a sender found nobody
   * there.
   */
  | { type: 'waiting'; side: Side; socket: string; givesUpInMs?: number | undefined }
  /** The peer shows progress on the same screen: stay quiet except for warnings and the end. */
  | { type: 'peer-shows-progress'; duplex: boolean }
  | ({ type: 'progress'; side: Side } & Progress)
  | { type: 'warning'; side: Side; message: string; path?: string | undefined }
  /** A sender's contexts hold what is rarely meant to be sent. Comes at most once, near the end. */
  | { type: 'findings'; side: Side; findings: Finding[] }
  /** Something was done that is not part of the transfer itself. */
  | { type: 'notice'; side: Side; message: string }
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
