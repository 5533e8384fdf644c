import type { ErrorCode } from './error-code.ts';
import type { Remedy } from './remedy.ts';

/** The two ends of a transfer. */
export type Side = 'sender' | 'receiver';

/** Why nothing moves, in machine-readable form. */
export type StallCause =
  /** Our own disk call is pending. */
  | 'disk-not-answering'
  /** Our write to the pipe is pending: the peer, or the link to it, is slow or stuck. */
  | 'pipe-full'
  /** Bytes arrive or are in flight, but slowly. */
  | 'slow-link'
  /** Nothing arrives, and the peer's beats report why. */
  | 'peer-reports'
  /** Nothing arrives, not even beats. */
  | 'peer-silent'
  /** Nothing comes of the tar or the entries to be sent. */
  | 'input-silent'
  /** The reader of the tar that we write does not read. */
  | 'output-not-read'
  /** None of these was observed. */
  | 'unknown';

/** Which side is stuck, and on what. */
export interface Verdict {
  /** What does not move, as seen from here. For pipe-full and peer-silent it may be the link as well. */
  side: Side | 'link';
  cause: StallCause;
  /** The path that the stuck side works on, as readable text. */
  path?: string | undefined;
  /** One readable clause: "receiver is writing web/app.js (disk not answering)". */
  text: string;
}

/** A path, and why it is in the report. */
export interface PathNote {
  path: string;
  reason: string;
}

/** A capped list: `paths` has the first MAX_REPORTED_PATHS of `count`. */
export interface PathNotes {
  count: number;
  paths: PathNote[];
}

/** What is rarely meant to be sent. */
export type FindingKind =
  | 'private-key'
  /** Passwords and tokens of a cloud, a registry or a host. */
  | 'credentials'
  /** `.env`, and `.env.production` and the like. */
  | 'env-file'
  /** A directory that a receiver works in. */
  | 'out'
  /** `.git` and the like. */
  | 'version-control'
  /** `node_modules` and the like. */
  | 'dependencies'
  /** The context as a whole. */
  | 'large';

/** Something in a context that is rarely meant to be sent. */
export interface Finding {
  kind: FindingKind;
  /** How often. */
  count: number;
  /** All that belongs to it: for a directory, with what is beneath. */
  entries: number;
  bytes: number;
  /** The first few; of a large context, what is largest in it. `bytes`: without what is beneath. */
  examples: PathSize[];
}

export interface PathSize {
  path: string;
  bytes: number;
}

/** What became of the entries of all contexts. */
export interface EntryCounts {
  /** New entries, and those that were different in more than mode and time. */
  written: number;
  /**
   * Of `written`: files whose content was not sent, because the receiver had it in another file, or an
   * interrupted run had left it.
   */
  reused: number;
  /** Already there with the same content: only mode or time were set. */
  metadataOnly: number;
  /** Already there, and the same. */
  unchanged: number;
  /** Deleted, including each entry in a deleted directory. */
  removed: number;
}

export interface ContextReport {
  /** '' for the unnamed context. */
  name: string;
  entries: number;
  /** Bytes of file content. */
  bytes: number;
}

export interface StallReport {
  verdict: Verdict;
  /** Milliseconds after the start at which progress ended. */
  startedMs: number;
  /** Milliseconds until progress resumed or the run ended. */
  stalledMs: number;
}

/** Where the time went, in milliseconds that add up to the total. */
export interface TimeShares {
  totalMs: number;
  sourceMs: number;
  wireMs: number;
  /** Absent on a sender that cannot see the destination: then wireMs is all the time spent waiting. */
  destinationMs?: number | undefined;
}

/** Why a run failed. */
export interface ReportedError {
  code: ErrorCode;
  message: string;
  path?: string | undefined;
  /** The line of the file at `path` that is wrong, from 1. */
  line?: number | undefined;
  /** The end of what the command that runs the receiver wrote to stderr, if it may explain the failure. */
  commandOutput?: string | undefined;
  remedy?: Remedy | undefined;
}

/** Of reports and events as JSON: that of the files in schema/. */
export const REPORT_VERSION = 1;

/** The outcome of a run: what send() and receive() resolve to. */
export interface TransferReport {
  /** Raised by a change for which readers of a report must be changed too. */
  version: 1;
  /** ISO 8601, UTC, in milliseconds. */
  startedAt: string;
  result: 'done' | 'failed';
  side: Side;
  /** The directory received into; absent on a sender, and for a tar. */
  destination?: string | undefined;
  error?: ReportedError | undefined;
  /** The peer's own error, if the peer failed. */
  peerError?: { code: string; message: string } | undefined;
  /** How often it was tried, if `retries` was given; everything else is about the last try. */
  tries?: number | undefined;
  contexts: ContextReport[];
  /** Absent on a sender that gets no answers, and for a tar. */
  counts?: EntryCounts | undefined;
  /** Entries transferred. */
  entries: number;
  /** Bytes of file content. */
  bytes: number;
  /** Bytes on the transport, framing included, both ways. */
  wireBytes: number;
  /** Digest of all streams of this transfer, in hex; the same on both sides. */
  digest?: string | undefined;
  times: TimeShares;
  /** Not sent: FIFOs, sockets, devices. */
  skipped: PathNotes;
  /** Sent, but not as they were: without setuid bits, extended attributes, ACLs. */
  changed: PathNotes;
  /** Deleted from the destination because no context has them. */
  removed: PathNotes;
  /** What ended the run, by path. */
  failed: PathNotes;
  stalls: StallReport[];
}
