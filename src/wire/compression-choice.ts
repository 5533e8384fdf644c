import {
  COMPRESS_BELOW_BYTES_PER_SECOND,
  TRANSPORT_RATE_BYTES,
  TRANSPORT_RATE_MS,
  TRANSPORT_RATE_WRITES,
} from '../limits.ts';
import type { Codec } from './codec.ts';

/** Sums of what was written since the transport was last measured. */
interface Written {
  writes: number;
  bytes: number;
  ms: number;
  /** The write that took longest. */
  longest: { bytes: number; ms: number };
}

const NOTHING: Written = { writes: 0, bytes: 0, ms: 0, longest: { bytes: 0, ms: 0 } };

/**
 * Which codec the next frame is compressed with, if with any: where the transport is what the time goes
 * into. A write takes no time as long as the transport keeps up with the disk.
 */
export class CompressionChoice {
  readonly #always: boolean;
  readonly #codec: Codec | undefined;
  #slow = false;
  #written = NOTHING;

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
    const before = this.#written;
    const written = {
      writes: before.writes + 1,
      bytes: before.bytes + bytes,
      ms: before.ms + ms,
      longest: ms > before.longest.ms ? { bytes, ms } : before.longest,
    };
    this.#written = written;
    if (written.writes < TRANSPORT_RATE_WRITES) return;
    // The longest may have waited for a peer that was starting, or suspended.
    const restMs = written.ms - written.longest.ms;
    const restBytes = written.bytes - written.longest.bytes;
    if (restMs < TRANSPORT_RATE_MS && restBytes < TRANSPORT_RATE_BYTES) return;
    this.#slow = restBytes * 1_000 < COMPRESS_BELOW_BYTES_PER_SECOND[this.#codec] * restMs;
    this.#written = NOTHING;
  }
}
