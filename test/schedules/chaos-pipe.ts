import { CtxsyncError } from '../../src/errors.ts';

export interface PipeOptions {
  /** Bytes that may be in transit at a time, at least 1. */
  capacity: number;
  /** Minimum number of milliseconds that a byte is in transit. */
  delayMs: number;
}

interface Parcel {
  bytes: Uint8Array;
  readyAt: number;
}

/** One direction of a transport, on virtual time. Nothing arrives except through deliver(). */
export class ChaosPipe {
  readonly #options: PipeOptions;
  readonly #now: () => number;
  #underWay: Parcel[] = [];
  #underWayBytes = 0;
  #writing: { rest: Uint8Array[]; settle: () => void; reject: (error: Error) => void } | undefined;
  #ended = false;
  #broken = false;
  /** Nothing arrives any more, and neither side is notified. */
  stalled = false;

  constructor(options: PipeOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Settles when the transport has accepted all pieces. @throws CtxsyncError peer-gone */
  write(pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#broken) return Promise.reject(gone());
    return new Promise((settle, reject) => {
      this.#writing = { rest: [...pieces], settle, reject };
      this.#take();
    });
  }

  /** The writer is done: the reader sees the end once everything has arrived. */
  end(): void {
    this.#ended = true;
  }

  /** The writer dies: what was not accepted is never sent, and the last bytes accepted may be lost. */
  cut(lostBytes = 0): void {
    while (lostBytes > 0 && this.#underWay.length > 0) {
      const last = this.#underWay.at(-1)!;
      const lost = Math.min(lostBytes, last.bytes.length);
      last.bytes = last.bytes.subarray(0, last.bytes.length - lost);
      this.#underWayBytes -= lost;
      lostBytes -= lost;
      if (last.bytes.length === 0) this.#underWay.pop();
    }
    this.#ended = true;
    this.#break();
  }

  /** The reader goes: pending writes fail. */
  close(): void {
    this.#underWay = [];
    this.#underWayBytes = 0;
    this.#ended = true;
    this.#break();
  }

  /** Up to `most` bytes that have arrived by now. */
  deliver(most: number): Uint8Array | undefined {
    const first = this.#underWay[0];
    if (first === undefined || this.stalled || first.readyAt > this.#now()) return undefined;
    const bytes = first.bytes.slice(0, most);
    first.bytes = first.bytes.subarray(bytes.length);
    if (first.bytes.length === 0) this.#underWay.shift();
    this.#underWayBytes -= bytes.length;
    this.#take();
    return bytes;
  }

  /** Everything has arrived, and nothing more will come. */
  get atEnd(): boolean {
    return this.#ended && !this.stalled && this.#underWayBytes === 0 && this.#writing === undefined;
  }

  get writePending(): boolean {
    return this.#writing !== undefined;
  }

  /** When the next byte arrives; undefined if none will without further action. */
  get dueAt(): number | undefined {
    return this.stalled ? undefined : this.#underWay[0]?.readyAt;
  }

  get underWayBytes(): number {
    return this.#underWayBytes;
  }

  #take(): void {
    const writing = this.#writing;
    if (writing === undefined) return;
    let room = this.#options.capacity - this.#underWayBytes;
    while (writing.rest.length > 0 && room > 0) {
      const [piece] = writing.rest;
      // A copy, made only now: until everything is written, the writer guarantees the memory.
      const bytes = piece!.slice(0, room);
      if (bytes.length > 0) {
        this.#underWay.push({ bytes, readyAt: this.#now() + this.#options.delayMs });
      }
      this.#underWayBytes += bytes.length;
      room -= bytes.length;
      if (bytes.length === piece!.length) writing.rest.shift();
      else writing.rest[0] = piece!.subarray(bytes.length);
    }
    // An empty last piece takes no room.
    while (writing.rest[0]?.length === 0) writing.rest.shift();
    if (writing.rest.length > 0) return;
    this.#writing = undefined;
    writing.settle();
  }

  #break(): void {
    this.#broken = true;
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.reject(gone());
  }
}

function gone(): CtxsyncError {
  return new CtxsyncError('peer-gone', 'the transport was cut');
}
