import { MAX_POOL_STEPS } from '../limits.ts';
import { Slot, SLOT_BYTES, UNUSUAL } from './slot.ts';

/** Calls that were submitted so far, modulo 2^32. */
const TAIL = 0;
/** Calls that were taken so far, by any thread. */
const NEXT = 1;
const STATE = 2;
const WORK_EVENT = 3;
const DONE_EVENT = 4;
/** Pool threads that wait for a call. */
const IDLE = 5;
const OWNER_WAITS = 6;
const WORDS = 8;
const SLOTS_AT = WORDS * Int32Array.BYTES_PER_ELEMENT;

/** Bits of STATE. */
const CLOSED = 1;
const CANCELLED = 2;
const FAILED = 4;

/**
 * A bounded queue of calls in shared memory, with room for their results. One thread, the owner, submits them
 * and takes the results in the same order; any thread takes the next call and makes it, the owner too.
 *
 * A waiter reads the event word on which it waits before it checks whether it has to wait, so no wake-up is
 * lost.
 */
export class CallQueue {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #slots: Slot[] = [];

  /** @param shared the memory of another CallQueue, of any thread */
  constructor(shared = new SharedArrayBuffer(SLOTS_AT + MAX_POOL_STEPS * SLOT_BYTES)) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, WORDS);
  }

  // --- owner ----------------------------------------------------------------------------------

  /** Owner: the slot of the next call. It has to be free: MAX_POOL_STEPS calls have slots. */
  get nextSlot(): Slot {
    return this.#at(this.#words[TAIL]!);
  }

  /** Owner: the next slot was filled. */
  submit(): void {
    Atomics.add(this.#words, TAIL, 1);
    Atomics.add(this.#words, WORK_EVENT, 1);
    if (Atomics.load(this.#words, IDLE) > 0) Atomics.notify(this.#words, WORK_EVENT, 1);
  }

  /** Owner: blocks until this call is done, or the queue is cancelled. */
  waitFor(slot: Slot): void {
    Atomics.store(this.#words, OWNER_WAITS, 1);
    for (;;) {
      const event = Atomics.load(this.#words, DONE_EVENT);
      if (slot.isDone || this.cancelled) break;
      Atomics.wait(this.#words, DONE_EVENT, event);
    }
    Atomics.store(this.#words, OWNER_WAITS, 0);
  }

  /**
   * Owner: the pool is no longer needed. Calls that nobody has taken are not made.
   *
   * @param slots of the calls that may be under way: blocks until they are done; in a cancelled queue, where
   * one may be stuck, for `graceMs` milliseconds
   */
  close(slots: readonly Slot[], graceMs: number): void {
    Atomics.or(this.#words, STATE, CLOSED);
    this.#signalAll();
    for (let slot = this.tryTake(); slot !== undefined; slot = this.tryTake()) slot.finish(UNUSUAL);
    Atomics.store(this.#words, OWNER_WAITS, 1);
    for (;;) {
      const event = Atomics.load(this.#words, DONE_EVENT);
      if (slots.every(({ isDone }) => isDone)) return;
      const limitMs = this.cancelled ? graceMs : Infinity;
      if (Atomics.wait(this.#words, DONE_EVENT, event, limitMs) === 'timed-out') return;
    }
  }

  // --- any thread -----------------------------------------------------------------------------

  /** Takes the next call, if there is one. */
  tryTake(): Slot | undefined {
    for (;;) {
      const next = Atomics.load(this.#words, NEXT);
      if (next === Atomics.load(this.#words, TAIL)) return undefined;
      const taken = Atomics.compareExchange(this.#words, NEXT, next, (next + 1) | 0) === next;
      if (taken) return this.#at(next);
    }
  }

  /** Pool thread: waits for a call and takes it. Undefined: there will be no more. */
  take(): Slot | undefined {
    for (;;) {
      const event = Atomics.load(this.#words, WORK_EVENT);
      if (this.ended) return undefined;
      const slot = this.tryTake();
      if (slot !== undefined) return slot;
      Atomics.add(this.#words, IDLE, 1);
      Atomics.wait(this.#words, WORK_EVENT, event);
      Atomics.sub(this.#words, IDLE, 1);
    }
  }

  /** A call that was taken is done. */
  finish(slot: Slot, outcome: number): void {
    slot.finish(outcome);
    if (Atomics.load(this.#words, OWNER_WAITS) === 0) return;
    Atomics.add(this.#words, DONE_EVENT, 1);
    Atomics.notify(this.#words, DONE_EVENT);
  }

  // --- main thread ----------------------------------------------------------------------------

  /** Wakes the owner and the pool threads; nothing is waited for any more. */
  cancel(): void {
    Atomics.or(this.#words, STATE, CANCELLED);
    this.#signalAll();
  }

  /** A pool thread has ended unexpectedly: a call that it took is never done. */
  fail(): void {
    Atomics.or(this.#words, STATE, FAILED);
    this.cancel();
  }

  get cancelled(): boolean {
    return (Atomics.load(this.#words, STATE) & CANCELLED) !== 0;
  }

  get failed(): boolean {
    return (Atomics.load(this.#words, STATE) & FAILED) !== 0;
  }

  /** Closed or cancelled: it needs no pool threads any more. */
  get ended(): boolean {
    return Atomics.load(this.#words, STATE) !== 0;
  }

  #at(number: number): Slot {
    const index = (number >>> 0) % MAX_POOL_STEPS;
    return (this.#slots[index] ??= new Slot(this.shared, SLOTS_AT + index * SLOT_BYTES));
  }

  #signalAll(): void {
    for (const event of [WORK_EVENT, DONE_EVENT]) {
      Atomics.add(this.#words, event, 1);
      Atomics.notify(this.#words, event);
    }
  }
}
