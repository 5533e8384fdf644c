import { createHash } from 'node:crypto';
import type { End, Fin } from './messages.ts';

/**
 * The ENDs of one direction, and the FIN computed from them. Both sides keep one: the sender to send
 * FIN, the receiver to check it. At most MAX_STREAM_ID entries.
 */
export class StreamTotals {
  /** By stream id, from 1. */
  readonly #ends: (End | undefined)[] = [];

  add(stream: number, end: End): void {
    this.#ends[stream] = end;
  }

  /**
   * The digest is the SHA-256 of one line per END, in order of stream id, so it does not depend on
   * which stream ended first.
   */
  fin(): Fin {
    const hash = createHash('sha256');
    let streams = 0;
    let bytes = 0;
    for (const [stream, end] of this.#ends.entries()) {
      if (end === undefined) continue;
      hash.update(`${stream} ${end.bytes} ${end.gmac}\n`);
      streams += 1;
      bytes += end.bytes;
    }
    return { streams, bytes, digest: hash.digest('hex') };
  }
}
