import {
  COMPRESS_BELOW_BYTES_PER_SECOND,
  TRANSPORT_RATE_BYTES,
  TRANSPORT_RATE_MS,
} from '../limits.ts';
import type { Codec } from './codec.ts';

/**
 * Which codec the next frame is compressed with, if with any: where the transport is what the time goes
 * into. A write takes no time as long as the transport keeps up with the disk.
 */
export class CompressionChoice {
  readonly #always: boolean;
  readonly #codec: Codec | undefined;
  #slow = false;
  #ms = 0;
  #bytes = 0;

  /**
   * @param codec one that both sides have; undefined: none
   * @param always not only on a slow transport
   */
  constructor(codec: Codec | undefined, always: boolean) {
    this.#codec = codec;
    this.#always = always;
  }

  get codec(): Codec | undefined {
    return this.#always || this.#slow ? this.#codec : undefined;
  }

  /** A frame of so many bytes was handed over in `ms` milliseconds. */
  wrote(bytes: number, ms: number): void {
    if (this.#always || this.#codec === undefined) return;
    this.#bytes += bytes;
    this.#ms += ms;
    if (this.#ms < TRANSPORT_RATE_MS && this.#bytes < TRANSPORT_RATE_BYTES) return;
    const slow = COMPRESS_BELOW_BYTES_PER_SECOND[this.#codec];
    this.#slow = this.#bytes * 1_000 < slow * this.#ms;
    this.#bytes = 0;
    this.#ms = 0;
  }
}
