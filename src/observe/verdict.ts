import { type BytePath, toText } from '../disk/byte-path.ts';
import type { DiskState } from '../disk/worker-status.ts';
import { LATE_BEAT_MS, PENDING_MS, SLOW_LINK_BYTES_PER_SECOND } from '../limits.ts';
import { shortPath } from '../short-path.ts';
import { formatAge } from './format-age.ts';
import type { Phase } from './events.ts';
import type { Side, Verdict } from '../report.ts';
import { peerOf } from './peer-of.ts';
import { isCall, stateWords } from './state-words.ts';

export interface DiskObservation {
  state: DiskState;
  path: BytePath;
  /** Milliseconds since this call was first seen pending. */
  pendingMs: number;
}

/** What one side sees of the wire. All ages are in milliseconds. */
export interface WireObservation {
  /** How long our write to the transport has been pending; absent when none is. */
  writePendingMs?: number | undefined;
  /** We are reading from the transport and wait for bytes. */
  reading: boolean;
  /** Since the last byte arrived. */
  silentMs: number;
  /** Bytes that have arrived so far, framing included. */
  arrivedBytes: number;
  /** The peer's newest beat, where it can send us any. */
  beat?: BeatObservation | undefined;
  /** Duplex: the peer has never acknowledged our beats quickly. */
  linkIsSlow?: boolean | undefined;
  /** Duplex: payload bytes that we handed over and the peer's newest beat does not count yet. */
  unheardBytes?: number | undefined;
  /** How long we have waited for what comes from elsewhere than our disk. */
  inputSilentMs?: number | undefined;
  /** What that is. */
  inputName?: string | undefined;
  /** How long our write of the received tar has been pending. */
  outputPendingMs?: number | undefined;
  /** Bytes handed to the transport so far, framing included. */
  sentBytes?: number | undefined;
  /** Duplex: bytes that our open streams may still send before the peer has consumed more. */
  creditBytes?: number | undefined;
  /** Duplex: a stream of ours has bytes to send, and no credit. */
  outOfCredit?: boolean | undefined;
  /** Nothing is read because a ring is full, or because nothing is ready for what follows. */
  readingBlocked?: boolean | undefined;
  /** We have handed over our last frame. */
  handedOver?: boolean | undefined;
}

export interface BeatObservation {
  state: string;
  stateAgeMs: number;
  /** Human-readable. */
  path: string;
  /** Since it arrived. */
  ageMs: number;
  /** How long it proves that the peer is alive: on a slow link beats are rare. */
  freshMs: number;
}

export interface Observation extends WireObservation {
  side: Side;
  /** The rate at which bytes have arrived lately. */
  bytesPerSecond: number;
  /** What each of our disk workers is doing. */
  disks: DiskObservation[];
}

/** One row of the table of verdicts: a verdict, or undefined when it does not apply. */
type Row = (seen: Observation) => Verdict | undefined;

/** The first row that applies decides: our own causes come before the peer's. */
const ROWS: Row[] = [
  ourDiskHangs,
  ourOutputIsNotRead,
  ourDiskIsBusy,
  pipeIsFull,
  ourInputIsSilent,
  peerHasNotAnswered,
  slowLinkHolds,
  peerReports,
  bytesTrickle,
  peerIsSilent,
];

/** Which side is stuck, and on what. */
export function verdictOf(seen: Observation): Verdict {
  for (const row of ROWS) {
    const verdict = row(seen);
    if (verdict !== undefined) return verdict;
  }
  const text = `${seen.side} is waiting for a thread of its own`;
  return { side: seen.side, cause: 'unknown', text };
}

function ourDiskHangs({ side, disks }: Observation): Verdict | undefined {
  const disk = oldestCall(disks);
  if (disk === undefined || disk.pendingMs < PENDING_MS) return undefined;
  const path = pathOf(disk);
  const text = `${clause(side, disk.state, path)} (disk not answering)`;
  return { side, cause: 'disk-not-answering', path, text };
}

/** Calls complete, yet nothing moves: no disk hangs, and the peer is not to blame. */
function ourDiskIsBusy({ side, disks }: Observation): Verdict | undefined {
  const disk = oldestCall(disks);
  if (disk === undefined) return undefined;
  const path = pathOf(disk);
  return { side, cause: 'unknown', path, text: clause(side, disk.state, path) };
}

function ourOutputIsNotRead({ side, outputPendingMs }: Observation): Verdict | undefined {
  if (outputPendingMs === undefined || outputPendingMs < PENDING_MS) return undefined;
  const text = `${side} is writing the tar (its reader is slow or does not read)`;
  return { side, cause: 'output-not-read', text };
}

/** We only see that the pipe is full: a slow reader may be emptying it, page by page. */
function pipeIsFull(seen: Observation): Verdict | undefined {
  const { side, reading, writePendingMs, inputSilentMs } = seen;
  // On duplex the peer's beats show why, or their absence does.
  if (writePendingMs === undefined || (side === 'sender' && reading)) return undefined;
  // While stdin is silent, a recent write is only a beat: then we wait for stdin.
  if (inputSilentMs !== undefined && writePendingMs < PENDING_MS) return undefined;
  const peer = peerOf(side);
  const text = `${peer}, or the link to it, is slow or does not read (the pipe is full)`;
  return { side: peer, cause: 'pipe-full', text };
}

function ourInputIsSilent(seen: Observation): Verdict | undefined {
  const { side, inputSilentMs, inputName, writePendingMs = 0 } = seen;
  // If a write hangs too, the peer's beats show why: only duplex gets here then.
  if (inputSilentMs === undefined || writePendingMs >= PENDING_MS) return undefined;
  const silent = `silent for ${formatAge(inputSilentMs)}`;
  const text = `${side} is waiting for ${inputName ?? 'the tar'} (${silent})`;
  return { side, cause: 'input-silent', text };
}

/** Its first bytes may be slow to arrive, or others are served before us. */
function peerHasNotAnswered({
  side,
  reading,
  arrivedBytes,
  silentMs,
}: Observation): Verdict | undefined {
  if (!reading || side === 'receiver' || arrivedBytes > 0) return undefined;
  const peer = peerOf(side);
  const text = `${peer} has not answered for ${formatAge(silentMs)}`;
  return { side: peer, cause: 'peer-silent', text };
}

/** A peer that waits for our bytes or its own to arrive over a slow link is not to blame. */
function slowLinkHolds(seen: Observation): Verdict | undefined {
  const { beat, unheardBytes = 0, linkIsSlow, bytesPerSecond } = seen;
  if (beat === undefined || !isFresh(seen)) return undefined;
  if (isCall(beat.state) || beat.state === QUEUED) return undefined;
  if (unheardBytes > 0 && (linkIsSlow === true || !isLate(beat))) {
    return slowLink(`${unheardBytes} bytes are on their way to the ${peerOf(seen.side)}`);
  }
  return linkIsSlow === true ? slowLink(`${bytesPerSecond} bytes a second`) : undefined;
}

function peerReports(seen: Observation): Verdict | undefined {
  const { side, beat } = seen;
  if (beat === undefined || !isFresh(seen)) return undefined;
  const age = formatAge(beat.stateAgeMs + beat.ageMs);
  const path = beat.path === '' || beat.state === QUEUED ? undefined : beat.path;
  const peer = peerOf(side);
  const what = `${doing(beat.state, beat.path)} for ${age}`;
  const text = isLate(beat)
    ? `${peer} was last heard ${formatAge(beat.ageMs)} ago: ${what}`
    : `${peer} is alive: ${what}`;
  return { side: peer, cause: 'peer-reports', path, text };
}

/** Bytes arrive, but no whole beat has for a long time. */
function bytesTrickle({
  side,
  reading,
  silentMs,
  bytesPerSecond,
}: Observation): Verdict | undefined {
  if (!reading || silentMs >= PENDING_MS || bytesPerSecond === 0) return undefined;
  if (bytesPerSecond < SLOW_LINK_BYTES_PER_SECOND)
    return slowLink(`${bytesPerSecond} bytes a second`);
  const peer = peerOf(side);
  const text = `${peer} sends ${bytesPerSecond} bytes a second, without content`;
  return { side: peer, cause: 'unknown', text };
}

function slowLink(why: string): Verdict {
  return { side: 'link', cause: 'slow-link', text: `the link is slow (${why})` };
}

function peerIsSilent({
  side,
  reading,
  silentMs,
  bytesPerSecond,
}: Observation): Verdict | undefined {
  if (!reading || (silentMs < PENDING_MS && bytesPerSecond > 0)) return undefined;
  const peer = peerOf(side);
  const text = `${peer}, or the link to it, has been silent for ${formatAge(silentMs)}`;
  return { side: peer, cause: 'peer-silent', text };
}

function isFresh({ reading, beat }: Observation): boolean {
  return reading && beat !== undefined && beat.ageMs <= beat.freshMs;
}

/** The next beat is overdue, as it is when the peer was just stopped. */
function isLate({ ageMs }: BeatObservation): boolean {
  return ageMs > LATE_BEAT_MS;
}

function oldestCall(disks: DiskObservation[]): DiskObservation | undefined {
  return disks
    .filter(({ state }) => isCall(state))
    .toSorted((a, b) => b.pendingMs - a.pendingMs)[0];
}

function pathOf({ path }: DiskObservation): string | undefined {
  return path === '' ? undefined : toText(path);
}

function clause(side: Side, state: DiskState, path = ''): string {
  return `${side} is ${doing(state, path)}`;
}

/** A peer that makes us wait behind others: its path names them. */
const QUEUED = 'queued' satisfies Phase;

function doing(state: string, path: string): string {
  if (state === QUEUED) return `waiting for its turn${path === '' ? '' : ` (${path})`}`;
  const words = stateWords(state);
  if (words === undefined) return path === '' ? 'busy' : `working on ${shortPath(path)}`;
  return path === '' || !isCall(state) ? words : `${words} ${shortPath(path)}`;
}
