import { BEAT_INTERVAL_MS } from '../limits.ts';

/** Says when the next BEAT is due. */
export class BeatClock {
  #beatAt = 0;

  due(now: number): boolean {
    if (now - this.#beatAt < BEAT_INTERVAL_MS) return false;
    this.#beatAt = now;
    return true;
  }
}
