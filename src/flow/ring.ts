import { RING_BATCH_BYTES, RING_GATHER_MS } from '../limits.ts';

const HEAD = 0;
const TAIL = 1;
const STATE = 2;
const DATA_EVENT = 3;
const ROOM_EVENT = 4;
const READER_WAITS = 5;
const WRITER_WAITS = 6;
/** The HEAD at which to wake the waiting writer. */
const WAKE_AT = 7;
const HEADER_BYTES = 32;

/** Values of READER_WAITS: when to wake the waiting reader. */
const ANY_BYTE = 1;
const A_QUARTER = 2;

const ENDED = 1;
const CANCELLED = 2;

/**
 * The bounded queue of one stream: bytes in shared memory, one writer, one reader, each on any thread.
 * When it is full the writer **waits**: nothing is ever dropped, and that wait is what carries
 * backpressure from one disk to the other. A worker blocks (`waitForRoom`, `waitForData`); the main
 * thread waits asynchronously (`room`, `data`).
 *
 * Positions count bytes modulo 2^32, so the capacity is a power of two. A waiter sets its flag, checks
 * again, and then waits on an event word that its waker increments: a wake-up between check and wait
 * cannot be lost, and none is sent when nobody waits. A waiting writer is woken when a quarter is free,
 * and a waiting reader on a worker when a quarter is filled or bytes come slowly, so that the two do
 * not wake each other for every few bytes.
 */
export class Ring {
  readonly shared: SharedArrayBuffer;
  /** Bytes. */
  readonly capacity: number;
  #words: Int32Array;
  #bytes: Uint8Array;
  /** Writer: bytes in the ring that are not yet published. */
  #unpublished = 0;

  constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(shared, HEADER_BYTES);
    this.capacity = this.#bytes.length;
  }

  /** @param capacity bytes, a power of two up to 2^30 */
  static create(capacity: number): Ring {
    if (!Number.isInteger(Math.log2(capacity)) || capacity > 2 ** 30) {
      throw new RangeError(`ring capacity must be a power of two up to 2^30: ${capacity}`);
    }
    return new Ring(new SharedArrayBuffer(HEADER_BYTES + capacity));
  }

  // --- writer ---------------------------------------------------------------------------------

  /** Writer: the contiguous free bytes, to be filled from the front. May be empty. */
  writable(): Uint8Array {
    const at = this.#writePosition();
    const free = this.#free();
    return this.#bytes.subarray(at, Math.min(at + free, this.capacity));
  }

  /** Writer: the first `count` bytes of `writable()` are filled. Published in batches. */
  produced(count: number): void {
    this.#unpublished += count;
    if (this.#unpublished >= RING_BATCH_BYTES) this.flush();
  }

  /** Writer: publishes what was produced and wakes the reader. */
  flush(): void {
    if (this.#unpublished === 0) return;
    Atomics.add(this.#words, TAIL, this.#unpublished);
    this.#unpublished = 0;
    const waitsFor = Atomics.load(this.#words, READER_WAITS);
    if (waitsFor === 0) return;
    if (waitsFor === ANY_BYTE || this.used >= this.#quarter) this.#signal(DATA_EVENT);
  }

  /** Writer: copies and publishes as many bytes as there is room for. Returns how many. */
  write(bytes: Uint8Array): number {
    let written = 0;
    while (written < bytes.length) {
      const space = this.writable();
      if (space.length === 0) break;
      const count = Math.min(space.length, bytes.length - written);
      space.set(bytes.subarray(written, written + count));
      this.#unpublished += count;
      written += count;
    }
    this.flush();
    return written;
  }

  /** Writer: no more bytes will follow. */
  end(): void {
    this.flush();
    this.#raise(ENDED);
  }

  /** Writer on a worker: blocks until there is room. Returns false when the ring was cancelled. */
  waitForRoom(): boolean {
    this.flush();
    this.#wakeWriterAt(this.#aQuarterOn());
    for (;;) {
      const event = Atomics.load(this.#words, ROOM_EVENT);
      if (this.cancelled || this.#free() > 0) break;
      Atomics.wait(this.#words, ROOM_EVENT, event);
    }
    Atomics.store(this.#words, WRITER_WAITS, 0);
    return !this.cancelled;
  }

  /** Writer on the main thread: settles when there is room or the ring was cancelled. */
  async room(): Promise<void> {
    this.flush();
    this.#wakeWriterAt(this.#aQuarterOn());
    for (;;) {
      const event = Atomics.load(this.#words, ROOM_EVENT);
      if (this.cancelled || this.#free() > 0) break;
      await Atomics.waitAsync(this.#words, ROOM_EVENT, event).value;
    }
    Atomics.store(this.#words, WRITER_WAITS, 0);
  }

  /** The reader's position: bytes consumed, modulo 2^32, as a signed integer. */
  get head(): number {
    return Atomics.load(this.#words, HEAD);
  }

  /**
   * Writer on the main thread that does not wait for room: settles when the reader has consumed a
   * quarter of the ring's capacity since it was at `head`, or the ring was ended or cancelled.
   */
  async consumption(head: number): Promise<void> {
    const wanted = (head + this.#quarter) | 0;
    this.#wakeWriterAt(wanted);
    for (;;) {
      const event = Atomics.load(this.#words, ROOM_EVENT);
      if (this.cancelled || this.ended || ((this.head - wanted) | 0) >= 0) break;
      await Atomics.waitAsync(this.#words, ROOM_EVENT, event).value;
    }
    Atomics.store(this.#words, WRITER_WAITS, 0);
  }

  // --- reader ---------------------------------------------------------------------------------

  /** Reader: the contiguous bytes to read. Valid until they are `consumed`. */
  readable(): Uint8Array {
    const head = this.#words[HEAD]!;
    const used = (Atomics.load(this.#words, TAIL) - head) | 0;
    const at = (head >>> 0) % this.capacity;
    return this.#bytes.subarray(at, Math.min(at + used, this.capacity));
  }

  /** Reader: the writer may reuse the first `count` bytes of `readable()`. */
  consumed(count: number): void {
    if (count === 0) return;
    const head = Atomics.add(this.#words, HEAD, count) + count;
    if (Atomics.load(this.#words, WRITER_WAITS) === 0) return;
    if (((head - Atomics.load(this.#words, WAKE_AT)) | 0) >= 0) this.#signal(ROOM_EVENT);
  }

  /** Reader: every byte was consumed and none will follow. */
  get drained(): boolean {
    // In this order: a writer ends after its last byte is published.
    return this.ended && Atomics.load(this.#words, TAIL) === this.#words[HEAD];
  }

  /**
   * Reader on a worker: blocks until there are bytes, the ring has ended or was cancelled, or
   * `timeoutMs` have passed.
   */
  waitForData(timeoutMs = Infinity): 'data' | 'end' | 'cancelled' | 'timeout' {
    const gatherMs = Math.min(timeoutMs, RING_GATHER_MS);
    if (!this.#waitFor(A_QUARTER, gatherMs)) this.#waitFor(ANY_BYTE, timeoutMs - gatherMs);
    Atomics.store(this.#words, READER_WAITS, 0);
    if (this.cancelled) return 'cancelled';
    if (this.used > 0) return 'data';
    return this.drained ? 'end' : 'timeout';
  }

  /** @returns whether the reader may go on */
  #waitFor(what: number, timeoutMs: number): boolean {
    Atomics.store(this.#words, READER_WAITS, what);
    for (;;) {
      const event = Atomics.load(this.#words, DATA_EVENT);
      if (this.#readerMayGoOn()) return true;
      const waited = Atomics.wait(this.#words, DATA_EVENT, event, timeoutMs);
      if (waited === 'timed-out') return this.#readerMayGoOn();
    }
  }

  /** Reader on the main thread: settles when there are bytes, or the ring has ended or was cancelled. */
  async data(): Promise<void> {
    Atomics.store(this.#words, READER_WAITS, ANY_BYTE);
    for (;;) {
      const event = Atomics.load(this.#words, DATA_EVENT);
      if (this.#readerMayGoOn()) break;
      await Atomics.waitAsync(this.#words, DATA_EVENT, event).value;
    }
    Atomics.store(this.#words, READER_WAITS, 0);
  }

  // --- both -----------------------------------------------------------------------------------

  /** Abandons the ring and wakes all waiters. */
  cancel(): void {
    this.#raise(CANCELLED);
  }

  /**
   * Detaches this object from its memory, which another ring may reuse: to all who still hold it, it is
   * then a cancelled ring without room or data. No thread may be using the memory.
   */
  retire(): SharedArrayBuffer {
    this.cancel();
    const words = new Int32Array(new SharedArrayBuffer(HEADER_BYTES));
    words[STATE] = ENDED | CANCELLED;
    this.#words = words;
    this.#bytes = new Uint8Array(0);
    this.#unpublished = 0;
    return this.shared;
  }

  /** An empty ring in the memory of a retired one. */
  static reuse(shared: SharedArrayBuffer): Ring {
    new Int32Array(shared, 0, HEADER_BYTES / 4).fill(0);
    return new Ring(shared);
  }

  get cancelled(): boolean {
    return (Atomics.load(this.#words, STATE) & CANCELLED) !== 0;
  }

  /** The writer has written its last byte; some may be left to read. */
  get ended(): boolean {
    return (Atomics.load(this.#words, STATE) & ENDED) !== 0;
  }

  /** Bytes that were published and are not consumed yet. */
  get used(): number {
    return (Atomics.load(this.#words, TAIL) - Atomics.load(this.#words, HEAD)) | 0;
  }

  get #quarter(): number {
    return Math.ceil(this.capacity / 4);
  }

  #aQuarterOn(): number {
    return (this.head + this.#quarter) | 0;
  }

  #wakeWriterAt(head: number): void {
    Atomics.store(this.#words, WAKE_AT, head);
    Atomics.store(this.#words, WRITER_WAITS, 1);
  }

  #writePosition(): number {
    return ((this.#words[TAIL]! + this.#unpublished) >>> 0) % this.capacity;
  }

  #readerMayGoOn(): boolean {
    return this.cancelled || this.used > 0 || this.drained;
  }

  #free(): number {
    return this.capacity - this.used - this.#unpublished;
  }

  #raise(state: number): void {
    Atomics.or(this.#words, STATE, state);
    this.#signal(DATA_EVENT);
    this.#signal(ROOM_EVENT);
  }

  #signal(event: number): void {
    Atomics.add(this.#words, event, 1);
    Atomics.notify(this.#words, event);
  }
}
