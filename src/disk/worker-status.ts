import { CtxsyncError } from '../errors.ts';
import { STATUS_PATH_BYTES } from '../limits.ts';
import type { BytePath } from './byte-path.ts';

/**
 * What a disk worker is doing. `waiting-for-threads` waits for calls of its pool, the other `waiting-*` for the
 * ring between the threads; all others but `idle` are system calls that can hang.
 */
export const DISK_STATES = [
  'idle',
  'scanning',
  'reading',
  'comparing',
  'waiting-for-room',
  'waiting-for-data',
  'waiting-for-threads',
  'writing',
  'locking',
  'committing',
  'cleaning',
] as const;
export type DiskState = (typeof DISK_STATES)[number];

export interface StatusSnapshot {
  /** Changes with every state entered: the same value twice means that one call is pending. */
  sequence: number;
  state: DiskState;
  path: BytePath;
  /** States entered that move a transfer on, about one for each system call: the worker's progress. */
  calls: number;
  entries: number;
  /** Bytes of file content. */
  bytes: number;
  /** Of a comparison: entries to be sent, and their bytes. */
  wantedEntries: number;
  wantedBytes: number;
  /** Milliseconds that the worker has waited for room in the ring that it fills. */
  waitedForRoomMs: number;
  /** Milliseconds that the worker has waited for bytes in the ring that it empties. */
  waitedForDataMs: number;
}

const SEQUENCE = 0;
const STATE = 1;
const PATH_LENGTH = 2;
const CANCELLED = 3;
const INTS_BYTES = 16;
const CALLS = 0;
const ENTRIES = 1;
const BYTES = 2;
const WAITED_FOR_ROOM = 3;
const WAITED_FOR_DATA = 4;
const WANTED_ENTRIES = 5;
const WANTED_BYTES = 6;
const FLOATS_BYTES = 56;
const STATE_INDEX = Object.fromEntries(DISK_STATES.map((s, i) => [s, i])) as Record<
  DiskState,
  number
>;

/** States that count as progress. Waiting does not, nor does refreshing our lock. */
const MOVES = new Set<DiskState>([
  'scanning',
  'reading',
  'comparing',
  'writing',
  'committing',
  'cleaning',
]);

/**
 * Shared state of one disk worker: written by the worker before each call that can hang, read by the main
 * thread. The worker needs no clock: the reader measures between two reads how long a call is pending.
 * The counters are aligned 64-bit floats, which do not tear on any Node platform.
 */
export class WorkerStatus {
  readonly shared: SharedArrayBuffer;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #path: Buffer;
  /** Worker: what is in #path. */
  #written: BytePath = '';

  constructor(
    shared: SharedArrayBuffer = new SharedArrayBuffer(
      INTS_BYTES + FLOATS_BYTES + STATUS_PATH_BYTES,
    ),
  ) {
    this.shared = shared;
    this.#ints = new Int32Array(shared, 0, INTS_BYTES / 4);
    this.#floats = new Float64Array(shared, INTS_BYTES, FLOATS_BYTES / 8);
    this.#path = Buffer.from(shared, INTS_BYTES + FLOATS_BYTES, STATUS_PATH_BYTES);
  }

  /**
   * Worker: a call on `path` begins, or a wait. An even sequence means that the path is complete.
   * @throws CtxsyncError interrupted, when the work was cancelled
   */
  enter(state: DiskState, path: BytePath = ''): void {
    if (Atomics.load(this.#ints, CANCELLED) !== 0) {
      throw new CtxsyncError('interrupted', 'the transfer was given up');
    }
    this.#set(state, path);
    if (MOVES.has(state)) this.#floats[CALLS]! += 1;
  }

  /** Worker: nothing to do. */
  idle(): void {
    this.#set('idle', '');
  }

  #set(state: DiskState, path: BytePath): void {
    const sequence = this.#ints[SEQUENCE]!;
    Atomics.store(this.#ints, SEQUENCE, sequence + 1);
    // Most files are opened and read, or made and written, under the same path.
    if (path !== this.#written) this.#writePath(path);
    this.#ints[STATE] = STATE_INDEX[state];
    Atomics.store(this.#ints, SEQUENCE, sequence + 2);
  }

  #writePath(path: BytePath): void {
    const tail = path.length > STATUS_PATH_BYTES ? path.slice(-STATUS_PATH_BYTES) : path;
    this.#ints[PATH_LENGTH] = this.#path.write(tail, 0, 'latin1');
    this.#written = path;
  }

  /** Worker: an entry is done; addBytes has counted its bytes. */
  addEntry(): void {
    this.#floats[ENTRIES]! += 1;
  }

  /** Worker: bytes of content that were read or written. */
  addBytes(count: number): void {
    this.#floats[BYTES]! += count;
  }

  /** Worker: an entry with these bytes of content is to be sent. */
  addWanted(bytes: number): void {
    this.#floats[WANTED_ENTRIES]! += 1;
    this.#floats[WANTED_BYTES]! += bytes;
  }

  /** Worker: a wait is over. */
  addWait(state: 'waiting-for-room' | 'waiting-for-data', ms: number): void {
    this.#floats[state === 'waiting-for-room' ? WAITED_FOR_ROOM : WAITED_FOR_DATA]! += ms;
  }

  /** Main: the worker's next call is not made; its job fails as interrupted. */
  cancel(): void {
    Atomics.store(this.#ints, CANCELLED, 1);
  }

  /** Main: the worker may work again, on a new job. */
  reset(): void {
    Atomics.store(this.#ints, CANCELLED, 0);
  }

  /** Main: what the worker is doing. */
  read(): StatusSnapshot {
    for (let attempt = 0; ; attempt++) {
      const sequence = Atomics.load(this.#ints, SEQUENCE);
      const state = DISK_STATES[this.#ints[STATE]!] ?? 'idle';
      const path = this.#path.toString('latin1', 0, this.#ints[PATH_LENGTH]);
      const whole = sequence % 2 === 0 && Atomics.load(this.#ints, SEQUENCE) === sequence;
      // A busy worker may change it during every read: then it is not stuck, and any path will do.
      if (!whole && attempt < 3) continue;
      return {
        sequence,
        state,
        path: whole ? path : '',
        calls: this.#floats[CALLS]!,
        entries: this.#floats[ENTRIES]!,
        bytes: this.#floats[BYTES]!,
        wantedEntries: this.#floats[WANTED_ENTRIES]!,
        wantedBytes: this.#floats[WANTED_BYTES]!,
        waitedForRoomMs: this.#floats[WAITED_FOR_ROOM]!,
        waitedForDataMs: this.#floats[WAITED_FOR_DATA]!,
      };
    }
  }
}
