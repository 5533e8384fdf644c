import type { Entry } from '../entry/entry.ts';
import { writeAll, type ByteSink } from '../entry/byte-io.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingBytes } from './tar-header.ts';

/**
 * Writes a pax/ustar archive. For each entry: `begin`, then exactly `entry.size` bytes of content by
 * `reserve` and `produced`, then `finish`.
 */
export class TarWriter {
  readonly #sink: ByteSink;
  #left = 0;
  #padding = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  begin(entry: Entry): void {
    writeAll(this.#sink, encodeHeader(entry));
    this.#left = entry.size;
    this.#padding = paddingBytes(entry.size);
  }

  /** Room for content: at least a byte, never more than is left of the entry. */
  reserve(): Uint8Array {
    const room = this.#sink.reserve();
    return room.length > this.#left ? room.subarray(0, this.#left) : room;
  }

  produced(count: number): void {
    this.#sink.produced(count);
    this.#left -= count;
  }

  /** Bytes of content that the entry lacks. */
  get left(): number {
    return this.#left;
  }

  finish(): void {
    if (this.#left !== 0) throw new Error(`the entry lacks ${this.#left} bytes of content`);
    if (this.#padding > 0) writeAll(this.#sink, END_OF_ARCHIVE.subarray(0, this.#padding));
  }

  end(): void {
    writeAll(this.#sink, END_OF_ARCHIVE);
  }
}
