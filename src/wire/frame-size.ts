import {
  FAST_WRITE_MS,
  FIRST_FRAME_BYTES,
  MAX_PAYLOAD_BYTES,
  MIN_FRAME_BYTES,
  SLOW_WRITE_MS,
} from '../limits.ts';

/**
 * How much payload the next frame may have. A fast transport gets large frames, which cost less per
 * byte; a slow one gets small frames, so that beats fit between them and every few bytes count as
 * progress.
 */
export class FrameSize {
  #bytes = FIRST_FRAME_BYTES;

  /** Bytes of payload. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A frame was handed over in `ms` milliseconds. */
  wrote(ms: number): void {
    if (ms < FAST_WRITE_MS) this.#bytes = Math.min(this.#bytes * 2, MAX_PAYLOAD_BYTES);
    else if (ms > SLOW_WRITE_MS) this.#bytes = Math.max(this.#bytes >> 1, MIN_FRAME_BYTES);
  }
}
