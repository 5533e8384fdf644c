import { SLOW_CALL_MS, SLOW_CALLS } from '../limits.ts';

/** One call in so many is timed, so that a clock that is slow to read costs nothing. */
const SAMPLE = 2;

/** How many slow calls make up for a fast one. */
const FAST_WEIGHT = 2;

/**
 * Whether calls on a disk wait. In memory one takes some microseconds, but some take long where the processor or
 * the disk is busy: so more than two of three have to be slow.
 */
export class SlowCalls {
  #count = 0;
  /** Slow calls less twice the fast ones; never below 0. */
  #excess = 0;

  /** @returns when the next call begins, if it is one to be timed; otherwise 0 */
  begin(): number {
    this.#count += 1;
    return this.#count % SAMPLE === 0 ? performance.now() : 0;
  }

  /** A call that was timed took so many milliseconds. */
  add(ms: number): void {
    this.#excess = ms >= SLOW_CALL_MS ? this.#excess + 1 : Math.max(0, this.#excess - FAST_WEIGHT);
  }

  get areMany(): boolean {
    return this.#excess >= SLOW_CALLS;
  }
}
