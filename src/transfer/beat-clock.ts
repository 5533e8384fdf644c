import {
  BEAT_INTERVAL_MS,
  FAST_ROUND_TRIP_MS,
  MAX_UNHEARD_BEATS,
  RARE_BEAT_INTERVAL_MS,
  SLOW_BEAT_INTERVAL_MS,
} from '../limits.ts';

/**
 * Says when the next BEAT is due. On a slow link fewer are sent: they would queue up before the
 * receipt. That a link is slow is what their round trip shows, and only the quickest one: each later
 * one may have waited behind payload.
 */
export class BeatClock {
  #beatAt = -Infinity;
  #fast = false;
  #heard: number | undefined;
  /** When HELLO and each BEAT was given out, by number from 1; the newest few. */
  readonly #givenOut = new Map<number, number>();
  #count = 0;

  /**
   * To be told ten times a second.
   * @param now milliseconds
   * @param count of HELLO and BEATs that were given out
   * @param heard how many of them the peer has heard; undefined where that is not known
   */
  tick(now: number, count: number, heard: number | undefined): void {
    while (this.#count < count) {
      this.#count += 1;
      this.#givenOut.set(this.#count, now);
      this.#givenOut.delete(this.#count - MAX_TIMED_BEATS);
    }
    this.#heard = heard;
    const at = heard === undefined ? undefined : this.#givenOut.get(heard);
    if (at !== undefined && now - at < FAST_ROUND_TRIP_MS) this.#fast = true;
  }

  /** The peer hears us, and never has soon. */
  get linkIsSlow(): boolean {
    return this.#heard !== undefined && this.#heard > 0 && !this.#fast;
  }

  /** @param unheardBytes of our payload that may be on their way */
  due(now: number, unheardBytes: number): boolean {
    if (now - this.#beatAt < this.#intervalMs(unheardBytes)) return false;
    this.#beatAt = now;
    return true;
  }

  #intervalMs(unheardBytes: number): number {
    const unheard = this.#fast ? 0 : this.#count - (this.#heard ?? this.#count);
    if (unheard <= MAX_UNHEARD_BEATS) return BEAT_INTERVAL_MS;
    return unheardBytes > 0 ? RARE_BEAT_INTERVAL_MS : SLOW_BEAT_INTERVAL_MS;
  }
}

/** Older ones say nothing of a fast link. */
const MAX_TIMED_BEATS = 8;
