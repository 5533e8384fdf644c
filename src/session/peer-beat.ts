import { BEAT_INTERVAL_MS } from '../limits.ts';
import type { WireObservation } from '../observe/verdict.ts';
import type { Beat } from '../wire/messages.ts';

/**
 * What the peer's newest beat says. That one came is no progress: who is stuck beats too, and says
 * the same each time. That its disk worker has gone on since the last one is.
 */
export class PeerBeat {
  #beat: Beat | undefined;
  #arrivedAt = 0;
  #progress = 0;

  take(beat: Beat): void {
    if (this.#beat !== undefined && hasMoved(this.#beat, beat)) this.#progress += 1;
    this.#beat = beat;
    this.#arrivedAt = performance.now();
  }

  /** Beats that told of progress. */
  get progress(): number {
    return this.#progress;
  }

  /** Milliseconds that the peer's disk workers have waited so far. */
  get waitedMs(): number {
    return this.#beat?.waitedMs ?? 0;
  }

  observation(now: number): WireObservation['beat'] {
    return this.#beat && { ...this.#beat, ageMs: now - this.#arrivedAt };
  }
}

function hasMoved(before: Beat, now: Beat): boolean {
  const { entries, bytes, path, state, stateAgeMs } = now;
  if (entries !== before.entries || bytes !== before.bytes || path !== before.path) return true;
  // Call after call on one path: a large file.
  return path !== '' && state === before.state && stateAgeMs < BEAT_INTERVAL_MS;
}
