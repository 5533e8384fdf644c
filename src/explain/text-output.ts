import type { Ring } from '../flow/ring.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';
import type { Outgoing } from '../transport/transport.ts';

/** Moves the lines that a disk thread writes from their ring to stdout. */
export class TextOutput {
  readonly #ring: Ring;
  readonly #to: Outgoing;

  constructor(ring: Ring, to: Outgoing) {
    this.#ring = ring;
    this.#to = to;
  }

  /** Settles when the ring was drained or cancelled. @throws CtxsyncError of the output */
  async run(): Promise<void> {
    while (!this.#ring.drained && !this.#ring.cancelled) {
      const bytes = this.#ring.readable().subarray(0, IO_BUFFER_BYTES);
      if (bytes.length === 0) {
        await this.#ring.data();
        continue;
      }
      await this.#to.write([bytes]);
      this.#ring.consumed(bytes.length);
    }
  }
}
