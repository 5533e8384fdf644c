import type { CtxsyncError } from '../errors.ts';

/** The two ends of a transfer. */
export type Side = 'sender' | 'receiver';

/**
 * What a run is doing, in the order in which it does it. A sender does not commit. `queued`: others
 * have to be done with the destination first; the phase before it comes again after it.
 */
export type Phase = 'preparing' | 'queued' | 'comparing' | 'sending' | 'receiving' | 'committing';

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
  /** The tar that `send -` reads does not arrive. */
  | 'input-silent'
  /** Whoever reads the tar that `receive -` writes does not read. */
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
  /** Said after --stall-after, again at 30 s and then each minute. */
  | { type: 'stall'; side: Side; verdict: Verdict; stalledMs: number }
  | { type: 'resumed'; side: Side; stalledMs: number }
  /** The last event of a run. */
  | { type: 'end'; side: Side; report: TransferReport };

/** A path that is worth a word, and the word. */
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

/** The outcome of a run: what --report writes and send() and receive() resolve to. */
export interface TransferReport {
  result: 'done' | 'failed';
  side: Side;
  error?: { code: CtxsyncError['code']; message: string; path?: string | undefined } | undefined;
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
  /** Sent, but not as it was: setuid bits, file capabilities. */
  changed: PathNotes;
  /** Taken out of the destination by --delete. */
  removed: PathNotes;
  /** What ended the run, by path. */
  failed: PathNotes;
  stalls: StallReport[];
}
