import {
  DEFAULT_STALL_AFTER_MS,
  DEFAULT_STALL_TIMEOUT_MS,
  MIN_TURN_BYTES_PER_SECOND,
  SUSPENSION_MS,
} from '../limits.ts';
import { formatAge } from './format-age.ts';
import { progressOf, type Movement } from './movement.ts';

export interface TurnPatienceOptions {
  /** Milliseconds in which nothing moves at all; 0 or absent: the default of --stall-after. */
  stallAfterMs?: number | undefined;
  /** Milliseconds without enough payload; 0 or absent: the default of --stall-timeout. */
  stallTimeoutMs?: number | undefined;
  /** Milliseconds, on the clock of the ticks. */
  startedAt: number;
}

/**
 * How long a sender may keep its turn while others wait. If nothing moves: for --stall-after. If it is
 * alive but sends little or no payload: until its patience of --stall-timeout is used up, which time
 * reduces and each byte of payload restores in part. Time in which our own disk works is free. So
 * neither beats nor an occasional byte keep a turn forever, and a sender that hashes a large file has
 * time for it.
 */
export class TurnPatience {
  readonly #quietLimitMs: number;
  readonly #fullMs: number;
  #leftMs: number;
  #lastTickAt: number;
  #quietMs = 0;
  #progress = 0;
  #claims = 0;
  #payloadBytes = 0;

  constructor({ stallAfterMs, stallTimeoutMs, startedAt }: TurnPatienceOptions) {
    // 0 means "never" when only we wait; here others do.
    this.#quietLimitMs = stallAfterMs || DEFAULT_STALL_AFTER_MS;
    this.#fullMs = stallTimeoutMs || DEFAULT_STALL_TIMEOUT_MS;
    this.#leftMs = this.#fullMs;
    this.#lastTickAt = startedAt;
  }

  /** @param now milliseconds */
  tick(now: number, seen: Movement): void {
    const passedMs = now - this.#lastTickAt;
    this.#lastTickAt = now;
    // After so long we were suspended.
    const awakeMs = passedMs > 3 * SUSPENSION_MS ? 0 : passedMs;
    const progress = progressOf(seen);
    const moved = progress !== this.#progress || seen.claims !== this.#claims;
    this.#quietMs = moved ? 0 : this.#quietMs + awakeMs;
    const earnedMs = ((seen.payloadBytes - this.#payloadBytes) * 1_000) / MIN_TURN_BYTES_PER_SECOND;
    const left = Math.min(this.#fullMs, this.#leftMs + earnedMs);
    this.#leftMs = Math.max(0, left - (seen.busy ? 0 : awakeMs));
    this.#progress = progress;
    this.#claims = seen.claims;
    this.#payloadBytes = seen.payloadBytes;
  }

  /** Why the turn must pass to the next in the queue; undefined while it may be kept. */
  get spent(): string | undefined {
    if (this.#quietMs >= this.#quietLimitMs) return `nothing moved for ${formatAge(this.#quietMs)}`;
    if (this.#leftMs > 0) return undefined;
    return `less than ${MIN_TURN_BYTES_PER_SECOND} bytes a second arrived for ${formatAge(this.#fullMs)}`;
  }
}
