import type { ErrorCode } from './error-code.ts';
import type { Remedy } from './remedy.ts';

/** The two ends of a transfer. */
export type Side = 'sender' | 'receiver';

/** Why nothing moves, as a word for programs. */
export type StallCause =
  /** Our own disk call is pending. */
  | 'disk-not-answering'
  /** Our write to the pipe is pending: the peer, or the way to it, is slow or stands still. */
  | 'pipe-full'
  /** Bytes arrive, or are on their way, and slowly. */
  | 'slow-link'
  /** Nothing arrives, and the peer's beats say why. */
  | 'peer-reports'
  /** Nothing arrives, beats neither. */
  | 'peer-silent'
  /** The tar that is to be sent does not arrive. */
  | 'input-silent'
  /** Whoever is to read the tar that is written does not read. */
  | 'output-not-read'
  /** None of these was seen pending. */
  | 'unknown';

/** Which side is stuck, and on what. */
export interface Verdict {
  /** What does not move. */
  side: Side | 'link';
  cause: StallCause;
  /** The path that the stuck side works on, as text for people. */
  path?: string | undefined;
  /** One clause for people: "receiver is writing web/app.js (disk not answering)". */
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

/** What became of the entries of all contexts. */
export interface EntryCounts {
  /** Put in place: new ones, and those that were different. */
  changed: number;
  /** There already, and the same. */
  unchanged: number;
  /** Taken out, each one in a directory that went counted too. */
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
  /** How long it took until progress went on, or the run ended. */
  stalledMs: number;
}

/** Where the time went, in milliseconds that add up to the total. */
export interface TimeShares {
  totalMs: number;
  sourceMs: number;
  wireMs: number;
  /** Absent on a sender that cannot see the destination: then wireMs is all that was waited for. */
  destinationMs?: number | undefined;
}

/** The outcome of a run: what send() and receive() resolve to. */
export interface TransferReport {
  result: 'done' | 'failed';
  side: Side;
  error?:
    | { code: ErrorCode; message: string; path?: string | undefined; remedy?: Remedy | undefined }
    | undefined;
  /** The peer's own error, when it is the peer that failed. */
  peerError?: { code: string; message: string } | undefined;
  contexts: ContextReport[];
  /** Absent on a sender that is not answered, and for a tar. */
  counts?: EntryCounts | undefined;
  /** That travelled. */
  entries: number;
  /** Bytes of file content. */
  bytes: number;
  /** Bytes on the transport, framing included, both ways. */
  wireBytes: number;
  /** Over all streams, of this one transfer; hex, the same on both sides. */
  digest?: string | undefined;
  times: TimeShares;
  /** Not sent: FIFOs, sockets, devices. */
  skipped: PathNotes;
  /** Sent, but not as it was: without setuid bits, extended attributes, ACLs. */
  altered: PathNotes;
  /** Deleted from the destination, as the contexts do not have it. */
  removed: PathNotes;
  /** What ended the run, by path. */
  failed: PathNotes;
  stalls: StallReport[];
}
