import { type BytePath, toText } from '../disk/byte-path.ts';
import type { DiskState } from '../disk/gauge.ts';
import { BEAT_FRESH_MS, PENDING_MS } from '../limits.ts';
import { formatAge } from './age.ts';
import type { Phase, Side, Verdict } from './events.ts';
import { peerOf } from './peer-of.ts';

export interface DiskObservation {
  state: DiskState;
  path: BytePath;
  /** Milliseconds since this call was first seen pending. */
  pendingMs: number;
}

/** What one side sees of the wire. All ages are in milliseconds. */
export interface WireObservation {
  /** For how long our write to the transport is pending; absent when none is. */
  writePendingMs?: number | undefined;
  /** We are reading from the transport and wait for bytes. */
  reading: boolean;
  /** Since the last byte arrived. */
  silentMs: number;
  /** The peer's newest beat, where it can tell us; `ageMs` since it arrived, `path` as text for people. */
  beat?: { state: string; stateAgeMs: number; path: string; ageMs: number } | undefined;
  /** `send -`: for how long we wait for bytes of the tar on stdin. */
  inputSilentMs?: number | undefined;
  /** `receive -`: for how long our write of the tar is pending. */
  outputPendingMs?: number | undefined;
}

export interface Observation extends WireObservation {
  side: Side;
  /** What each of our disk workers is in. */
  disks: DiskObservation[];
}

/** One line of the table in DESIGN.md, section 6: a verdict, or undefined when it does not apply. */
type Row = (seen: Observation) => Verdict | undefined;

/** The first row that applies decides: what we ourselves hang on comes before what the peer does. */
const ROWS: Row[] = [
  ourDiskHangs,
  ourOutputIsNotRead,
  ourDiskIsBusy,
  peerDoesNotRead,
  ourInputIsSilent,
  peerReports,
  peerIsSilent,
];

/** Which side is stuck, and on what. */
export function verdictOf(seen: Observation): Verdict {
  for (const row of ROWS) {
    const verdict = row(seen);
    if (verdict !== undefined) return verdict;
  }
  const text = `${seen.side} sees no progress, and nothing that is pending`;
  return { side: seen.side, cause: 'unknown', text };
}

function ourDiskHangs({ side, disks }: Observation): Verdict | undefined {
  const disk = oldestCall(disks);
  if (disk === undefined || disk.pendingMs < PENDING_MS) return undefined;
  const path = pathOf(disk);
  const text = `${clause(side, disk.state, path)} (disk not answering)`;
  return { side, cause: 'disk-not-answering', path, text };
}

/** Calls come and go, yet nothing moves: nobody's disk hangs, and the peer is not to blame. */
function ourDiskIsBusy({ side, disks }: Observation): Verdict | undefined {
  const disk = oldestCall(disks);
  if (disk === undefined) return undefined;
  const path = pathOf(disk);
  return { side, cause: 'unknown', path, text: clause(side, disk.state, path) };
}

function ourOutputIsNotRead({ side, outputPendingMs }: Observation): Verdict | undefined {
  if (outputPendingMs === undefined || outputPendingMs < PENDING_MS) return undefined;
  const text = `${side} is writing the tar to stdout (whoever reads it is not reading)`;
  return { side, cause: 'output-not-read', text };
}

function peerDoesNotRead(seen: Observation): Verdict | undefined {
  const { side, reading, writePendingMs, inputSilentMs } = seen;
  // On duplex its beats say why, or their absence does.
  if (writePendingMs === undefined || (side === 'sender' && reading)) return undefined;
  // While stdin is silent a write is a beat's, and young: then it is stdin that we wait for.
  if (inputSilentMs !== undefined && writePendingMs < PENDING_MS) return undefined;
  const peer = peerOf(side);
  const text = `${peer} is not reading (nothing more fits into the pipe)`;
  return { side: peer, cause: 'peer-not-reading', text };
}

function ourInputIsSilent(seen: Observation): Verdict | undefined {
  const { side, inputSilentMs, writePendingMs = 0 } = seen;
  // With a write that hangs, too, it is the peer's beats that say why: on duplex we come here.
  if (inputSilentMs === undefined || writePendingMs >= PENDING_MS) return undefined;
  const text = `${side} is waiting for the tar on stdin (silent for ${formatAge(inputSilentMs)})`;
  return { side, cause: 'input-silent', text };
}

function peerReports({ side, reading, beat }: Observation): Verdict | undefined {
  if (!reading) return undefined;
  if (beat === undefined || beat.ageMs > BEAT_FRESH_MS) return undefined;
  const age = formatAge(beat.stateAgeMs + beat.ageMs);
  const path = beat.path === '' || beat.state === QUEUED ? undefined : beat.path;
  const peer = peerOf(side);
  const text = `${peer} is alive: ${doing(beat.state, beat.path)} for ${age}`;
  return { side: peer, cause: 'peer-reports', path, text };
}

function peerIsSilent({ side, reading, silentMs }: Observation): Verdict | undefined {
  if (!reading || silentMs < PENDING_MS) return undefined;
  const peer = peerOf(side);
  const text = `${peer} has been silent for ${formatAge(silentMs)}`;
  return { side: peer, cause: 'peer-silent', text };
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

const STATE_WORDS = {
  idle: 'idle',
  scanning: 'scanning',
  reading: 'reading',
  'waiting-for-room': 'waiting for room to send',
  'waiting-for-data': 'waiting for data',
  writing: 'writing',
  locking: 'locking',
  committing: 'committing',
  cleaning: 'cleaning up',
} satisfies Record<DiskState, string>;

/** A peer that lets us wait behind others: what stands for the path says behind whom. */
const QUEUED = 'queued' satisfies Phase;

function doing(state: string, path: string): string {
  if (state === QUEUED) return `queued behind other senders${path === '' ? '' : ` (${path})`}`;
  // A newer peer may know states that we do not.
  const words = Object.hasOwn(STATE_WORDS, state) ? STATE_WORDS[state as DiskState] : undefined;
  if (words === undefined) return path === '' ? 'busy' : `working on ${path}`;
  return path === '' || !isCall(state) ? words : `${words} ${path}`;
}

/** What waits does so on the other thread, not on a disk. */
function isCall(state: string): boolean {
  return state !== 'idle' && !state.startsWith('waiting');
}
