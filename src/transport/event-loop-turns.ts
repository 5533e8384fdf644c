import { setImmediate } from 'node:timers/promises';
import { YIELD_AFTER_MS } from '../limits.ts';

/** For a loop whose waits may all be over at once: timers and signals get their turn in between. */
export class EventLoopTurns {
  #lastAt = performance.now();

  /** Lets the event loop turn if it has not for YIELD_AFTER_MS. */
  async next(): Promise<void> {
    if (performance.now() - this.#lastAt <= YIELD_AFTER_MS) return;
    await setImmediate();
    this.#lastAt = performance.now();
  }
}
