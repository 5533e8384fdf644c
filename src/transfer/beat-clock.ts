import {
  BEAT_INTERVAL_MS,
  FAST_ROUND_TRIP_MS,
  MAX_UNHEARD_BEATS,
  RARE_BEAT_INTERVAL_MS,
  SLOW_BEAT_INTERVAL_MS,
} from '../limits.ts';

/**
 * Decides when the next BEAT is due. On a slow link fewer are sent, as they would queue up ahead of the
 * receipt. Only the fastest round trip shows whether a link is slow: others may have waited behind payload.
 */
export class BeatClock {
  #beatAt = -Infinity;
  #fast = false;
  #heard: number | undefined;
  /** When HELLO and each BEAT was sent, by number from 1; the newest few. */
  readonly #givenOut = new Map<number, number>();
  #count = 0;

  /**
   * To be called ten times a second.
   * @param now milliseconds
   * @param count of HELLO and BEATs that were sent
   * @param heard how many of them the peer has acknowledged; undefined if unknown
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

  /** The peer acknowledges our beats, but never quickly. */
  get linkIsSlow(): boolean {
    return this.#heard !== undefined && this.#heard > 0 && !this.#fast;
  }

  /** @param unheardBytes of our payload that may be in flight */
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

/** How many are timed: on a fast link an acknowledgement never refers to older ones. */
const MAX_TIMED_BEATS = 8;
