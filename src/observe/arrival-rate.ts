import { ARRIVAL_WINDOW_MS } from '../limits.ts';

/** How fast bytes of a connection arrive, over the last few seconds. */
export class ArrivalRate {
  #before: Mark;
  #now: Mark;

  /** @param startedAt milliseconds, on the clock of the ticks */
  constructor(startedAt: number) {
    this.#before = { at: startedAt, bytes: 0 };
    this.#now = this.#before;
  }

  /** @param bytes that have arrived so far */
  tick(now: number, bytes: number): void {
    if (now - this.#now.at < ARRIVAL_WINDOW_MS) return;
    this.#before = this.#now;
    this.#now = { at: now, bytes };
  }

  /** Bytes per second, over one to two windows. */
  perSecond(now: number, bytes: number): number {
    const spanMs = now - this.#before.at;
    return spanMs <= 0 ? 0 : Math.round(((bytes - this.#before.bytes) * 1_000) / spanMs);
  }
}

interface Mark {
  /** Milliseconds. */
  at: number;
  bytes: number;
}
