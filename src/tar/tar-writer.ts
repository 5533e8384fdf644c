import { writeAll, type ByteSink } from '../entry/byte-io.ts';
import type { Entry, EntryWriter } from '../entry/entry.ts';
import { MAX_OCTAL } from './header-block.ts';
import { encodeHeader, END_OF_ARCHIVE, isPlain, paddingBytes } from './tar-header.ts';

/** Writes a pax/ustar archive for other programs to read. */
export class TarWriter implements EntryWriter {
  readonly #sink: ByteSink;
  #isFirst = true;
  #left = 0;
  #padding = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  begin(entry: Entry): void {
    if (this.#isFirst) return this.#beginFirst(entry);
    writeAll(this.#sink, encodeHeader(entry));
    this.#left = entry.size;
    this.#padding = paddingBytes(entry.size);
  }

  reserve(): Uint8Array {
    const room = this.#sink.reserve();
    return room.length > this.#left ? room.subarray(0, this.#left) : room;
  }

  produced(count: number): void {
    this.#sink.produced(count);
    this.#left -= count;
  }

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

  /**
   * docker and BuildKit recognize a tar on stdin by a member in its first 1,024 bytes. A pax header
   * fills these, and the archive is taken for a Dockerfile (docker/cli#1459, docker/cli#2525). So the
   * first member has whole seconds; if it needs a pax header for another reason, it comes second,
   * after the root.
   */
  #beginFirst(entry: Entry): void {
    this.#isFirst = false;
    const first = { ...entry, mtimeUs: Math.floor(entry.mtimeUs / 1e6) * 1e6 };
    if (isPlain(first)) return this.begin(first);
    const mtimeUs = Math.min(Math.max(0, first.mtimeUs), MAX_OCTAL * 1e6);
    this.begin({ path: '', kind: 'directory', mode: 0o755, mtimeUs, size: 0 });
    this.finish();
    this.begin(entry);
  }
}
