import type { WorkerStatus, StatusSnapshot } from '../disk/worker-status.ts';

export interface GaugeLook {
  snapshot: StatusSnapshot;
  /** Milliseconds since the state that the worker is in was first seen. */
  pendingMs: number;
}

/** Gives a status its clock: the worker has none, so a call's age is what is seen between looks. */
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
