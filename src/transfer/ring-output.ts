import type { Ring } from '../flow/ring.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';
import type { Outgoing } from '../transport/transport.ts';
import { PendingTimer } from './pending-timer.ts';

/** Moves what a disk thread writes, a tar or text, from its ring to whoever reads it. */
export class RingOutput {
  readonly #ring: Ring;
  readonly #to: Outgoing;
  readonly #writing = new PendingTimer();
  #writtenBytes = 0;
  /** Bytes of the write under way. */
  #pieceBytes = 0;

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
      this.#pieceBytes = bytes.length;
      this.#writing.begin();
      await this.#to.write([bytes]);
      this.#writing.end();
      this.#pieceBytes = 0;
      this.#writtenBytes += bytes.length;
      this.#ring.consumed(bytes.length);
    }
  }

  /** Bytes that the reader has taken, including those of the write in progress. */
  get writtenBytes(): number {
    const { untakenBytes = this.#pieceBytes } = this.#to;
    return this.#writtenBytes + Math.max(0, this.#pieceBytes - untakenBytes);
  }

  /** Milliseconds for which a write has been pending; undefined when none is. */
  pendingMs(now: number): number | undefined {
    return this.#writing.ms(now);
  }
}
