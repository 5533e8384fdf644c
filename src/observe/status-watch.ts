import type { WorkerStatus, StatusSnapshot } from '../disk/worker-status.ts';

export interface GaugeLook {
  snapshot: StatusSnapshot;
  /** Milliseconds since the worker's current state was first seen. */
  pendingMs: number;
}

/** Adds a clock to a status: the worker has none, so a call's age is measured between looks. */
export class StatusWatch {
  readonly #status: WorkerStatus;
  #sequence: number | undefined;
  #firstSeenAt = 0;

  constructor(status: WorkerStatus) {
    this.#status = status;
  }

  /** @param now milliseconds */
  look(now: number): GaugeLook {
    const snapshot = this.#status.read();
    if (snapshot.sequence !== this.#sequence) {
      this.#sequence = snapshot.sequence;
      this.#firstSeenAt = now;
    }
    return { snapshot, pendingMs: now - this.#firstSeenAt };
  }
}
