import { toText } from '../disk/byte-path.ts';
import type { Side } from '../report.ts';
import { mainThreadState, type MainThreadState } from './main-thread-state.ts';
import { isCall } from './state-words.ts';
import type { GaugeLook } from './status-watch.ts';
import type { WireObservation } from './verdict.ts';

/** What a run was seen doing at one moment. All counts are since it began. */
export interface Sample {
  side: Side;
  elapsedMs: number;
  entries: number;
  /** Bytes of file content. */
  bytes: number;
  mainThread: MainThreadState;
  /** The disk threads that have work. */
  diskThreads: DiskThreadSample[];
  /** By what they carry; those of a kind together. */
  rings: RingFill[];
  wire: WireSample;
  /** Absent where the peer cannot send beats, or has sent none. */
  peer?: PeerSample | undefined;
}

export interface DiskThreadSample {
  /** Counts up from 1, in the order in which they were started. */
  id: number;
  /**
   * `scanning`, `reading`, `writing`, `locking`, `committing`, `cleaning`, `waiting-for-room`,
   * `waiting-for-data`, `waiting-for-threads`.
   */
  state: string;
  /** Of the current call, human-readable; '' while it waits. */
  path: string;
  /** Milliseconds since the current call or wait was first seen. */
  pendingMs: number;
  /** Milliseconds that it has waited for room in the ring that it fills. */
  waitedForRoomMs: number;
  /** Milliseconds that it has waited for bytes in the ring that it empties. */
  waitedForDataMs: number;
}

/**
 * `tar`: a tar at one of the two edges; `entries`: those that a program gives; `list`: an explained context's
 * paths. The others are the kinds of stream on the wire.
 */
export type RingKind = 'tree' | 'manifest' | 'want' | 'changes' | 'tar' | 'entries' | 'list';

export interface RingFill {
  kind: RingKind;
  usedBytes: number;
  capacityBytes: number;
}

/** Bytes on the transport include the framing. */
export interface WireSample {
  sentBytes: number;
  receivedBytes: number;
  /** Duplex: bytes that our open streams may still send before the peer has consumed more. */
  creditBytes?: number | undefined;
}

/** What the peer's newest beat reports. */
export interface PeerSample {
  /** As of a disk thread, or `queued`; a newer peer may have others. */
  state: string;
  /** Human-readable. */
  path: string;
  /** Milliseconds since the beat arrived. */
  ageMs: number;
  /** It is so old that it no longer shows that the peer is alive. */
  isStale: boolean;
}

export interface Seen {
  side: Side;
  elapsedMs: number;
  entries: number;
  bytes: number;
  /** At all disk threads, in the order in which they were started. */
  looks: readonly GaugeLook[];
  rings: RingFill[];
  wire: WireObservation;
}

export function makeSample({ looks, wire, ...seen }: Seen): Sample {
  const diskIsBusy = looks.some(({ snapshot }) => isCall(snapshot.state));
  const { sentBytes = 0, arrivedBytes: receivedBytes, creditBytes, beat } = wire;
  return {
    ...seen,
    mainThread: mainThreadState(seen.side, wire, diskIsBusy),
    diskThreads: looks.flatMap((look, index) =>
      look.snapshot.state === 'idle' ? [] : [diskThreadSample(look, index + 1)],
    ),
    wire: { sentBytes, receivedBytes, creditBytes },
    peer: beat && {
      state: beat.state,
      path: beat.path,
      ageMs: beat.ageMs,
      isStale: beat.ageMs > beat.freshMs,
    },
  };
}

/** The thread adds a wait to its sums when it is over; until then we do. */
function diskThreadSample({ snapshot, pendingMs }: GaugeLook, id: number): DiskThreadSample {
  const { state, path, waitedForRoomMs, waitedForDataMs } = snapshot;
  return {
    id,
    state,
    path: toText(path),
    pendingMs,
    waitedForRoomMs: waitedForRoomMs + (state === 'waiting-for-room' ? pendingMs : 0),
    waitedForDataMs: waitedForDataMs + (state === 'waiting-for-data' ? pendingMs : 0),
  };
}
