import type { Ring } from './ring.ts';

/**
 * What a receiver grants on one stream: an absolute limit in bytes, like QUIC's MAX_STREAM_DATA (RFC
 * 9000, section 4.1). It is the bytes consumed plus the capacity of the ring, so it rises on
 * **consumption** and never on arrival: what was granted fits into the ring, the reader of the
 * transport never waits, and a stream whose consumer stops delays no other.
 */
export class CreditGrant {
  readonly #ring: Ring;
  #head: number;
  #limit: number;
  #received = 0;

  /** The first limit, announced in HELLO, is the whole ring. */
  constructor(ring: Ring) {
    this.#ring = ring;
    this.#head = ring.head;
    this.#limit = ring.capacity;
  }

  /** Counts bytes that arrived. Returns false when they exceed the limit. */
  receive(count: number): boolean {
    this.#received += count;
    return this.#received <= this.#limit;
  }

  /**
   * Waits until the consumer has taken a quarter of the ring since the last raise.
   * @returns the new limit, in bytes of the whole stream; undefined when the ring was cancelled or
   *   ended: no more will be sent, and a longer wait would keep the ring alive
   */
  async raise(): Promise<number | undefined> {
    await this.#ring.consumption(this.#head);
    if (this.#ring.cancelled || this.#ring.ended) return undefined;
    const consumed = (this.#ring.head - this.#head) | 0;
    this.#head = (this.#head + consumed) | 0;
    this.#limit += consumed;
    return this.#limit;
  }
}
