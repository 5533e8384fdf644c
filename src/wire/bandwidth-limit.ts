import { LIMITED_FRAME_MS } from '../limits.ts';

/** Keeps one direction below a number of bytes per second: after each frame comes the pause that it costs. */
export class BandwidthLimit {
  readonly #bytesPerSecond: number;
  /** When all that was written is paid for. */
  #freeAt = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Bytes of payload that a frame may have. */
  get frameBytes(): number {
    return Math.max(1, Math.floor((this.#bytesPerSecond * LIMITED_FRAME_MS) / 1_000));
  }

  /** Milliseconds until the next DATA may go; 0 or less: now. */
  waitMs(now: number): number {
    return this.#freeAt - now;
  }

  wrote(bytes: number, now: number): void {
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes * 1_000) / this.#bytesPerSecond;
  }
}
