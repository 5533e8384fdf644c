import type { Gauge, GaugeSnapshot } from '../disk/worker-status.ts';

export interface GaugeLook {
  snapshot: GaugeSnapshot;
  /** Milliseconds since the state that the worker is in was first seen. */
  pendingMs: number;
}

/** Gives a gauge its clock: the worker has none, so a call's age is what is seen between looks. */
export class GaugeWatch {
  readonly #gauge: Gauge;
  #sequence: number | undefined;
  #firstSeenAt = 0;

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
  }

  /** @param now milliseconds */
  look(now: number): GaugeLook {
    const snapshot = this.#gauge.read();
    if (snapshot.sequence !== this.#sequence) {
      this.#sequence = snapshot.sequence;
      this.#firstSeenAt = now;
    }
    return { snapshot, pendingMs: now - this.#firstSeenAt };
  }
}
