import { BEAT_FRESH_MS, BEAT_INTERVAL_MS, SLOW_BEAT_FRESH_MS } from '../limits.ts';
import { NOTHING, type Amount, type Comparing, type Plan } from '../observe/work.ts';
import type { BeatObservation } from '../observe/verdict.ts';
import type { Beat } from '../wire/messages.ts';

/**
 * What the peer's newest beat reports. A beat is not progress: a stuck peer beats too, with the same content.
 * A beat that reports more work than the one before is a claim.
 */
export class PeerBeat {
  #beat: Beat | undefined;
  #arrivedAt = 0;
  #claims = 0;
  #received = 0;
  #plan: Plan = {};

  take(beat: Beat): void {
    if (this.#beat !== undefined && hasMoved(this.#beat, beat)) this.#claims += 1;
    this.#beat = beat;
    this.#arrivedAt = performance.now();
    // A count that goes down and up again adds nothing.
    this.#received = Math.max(this.#received, beat.received ?? 0);
    // On a slow link a beat may leave it out.
    this.#plan = { ...this.#plan, ...planOf(beat) };
  }

  /** Beats that reported more work than the one before. */
  get claims(): number {
    return this.#claims;
  }

  /** How many of our HELLO and BEATs the peer has acknowledged. */
  get heard(): number {
    return this.#beat?.heard ?? 0;
  }

  /**
   * Bytes of our payload that the peer reports having received, at most what we have handed over; 0 if
   * it reports none.
   */
  receivedBytes(handedOver: number): number {
    return Math.min(this.#received, handedOver);
  }

  /** Milliseconds that the peer's disk threads have waited so far. */
  get waitedMs(): number {
    return this.#beat?.waitedMs ?? 0;
  }

  /** What the peer knows about the work of the transfer. */
  get plan(): Plan {
    return this.#plan;
  }

  /** @param linkIsSlow fewer beats arrive then */
  observation(now: number, linkIsSlow: boolean): BeatObservation | undefined {
    const freshMs = linkIsSlow ? SLOW_BEAT_FRESH_MS : BEAT_FRESH_MS;
    return this.#beat && { ...this.#beat, ageMs: now - this.#arrivedAt, freshMs };
  }
}

function planOf(beat: Beat): Plan {
  const contexts = amountOf(beat.totalEntries, beat.totalBytes);
  const whole = amountOf(beat.wholeEntries, beat.wholeBytes);
  const comparing = comparingOf(beat);
  return {
    ...(contexts === undefined ? {} : { contexts }),
    ...(whole === undefined ? {} : { whole }),
    ...(comparing === undefined ? {} : { comparing }),
  };
}

function comparingOf(beat: Beat): Comparing | undefined {
  const { comparedEntries, comparedBytes, wantedEntries, wantedBytes, isCompared } = beat;
  const compared = amountOf(comparedEntries, comparedBytes);
  const wanted = amountOf(wantedEntries, wantedBytes) ?? NOTHING;
  return compared && { compared, wanted, isOver: isCompared === true };
}

function amountOf(entries: number | undefined, bytes: number | undefined): Amount | undefined {
  return entries === undefined || bytes === undefined ? undefined : { entries, bytes };
}

function hasMoved(before: Beat, now: Beat): boolean {
  const { entries, bytes, path, state, stateAgeMs } = now;
  if (entries !== before.entries || bytes !== before.bytes || path !== before.path) return true;
  // Call after call on one path: a large file.
  return path !== '' && state === before.state && stateAgeMs < BEAT_INTERVAL_MS;
}
