import type { Ring } from '../flow/ring.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';
import type { Outgoing } from '../transport/transport.ts';
import { Pending } from './pending.ts';

/** Moves the tar of `receive -` from its ring to stdout. */
export class PumpRing {
  readonly #ring: Ring;
  readonly #to: Outgoing;
  readonly #writing = new Pending();

  constructor(ring: Ring, to: Outgoing) {
    this.#ring = ring;
    this.#to = to;
  }

  /** Settles when the ring was drained or cancelled. @throws CtxsyncError no-space, not-writable */
  async run(): Promise<void> {
    while (!this.#ring.drained && !this.#ring.cancelled) {
      const bytes = this.#ring.readable().subarray(0, IO_BUFFER_BYTES);
      if (bytes.length === 0) {
        await this.#ring.data();
        continue;
      }
      this.#writing.begin();
      await this.#to.write([bytes]);
      this.#writing.end();
      this.#ring.consumed(bytes.length);
    }
  }

  /** Milliseconds for which a write has been pending; undefined when none is. */
  pendingMs(now: number): number | undefined {
    return this.#writing.ms(now);
  }
}
