import type { BytePath } from '../disk/byte-path.ts';
import { writeAll, type ByteSink } from './byte-io.ts';
import { encodeEntry } from './entry-record.ts';
import type { Entry, EntryWriter } from './entry.ts';
import { END_OF_RECORDS, RecordBuffer } from './record-io.ts';

const END = Uint8Array.of(END_OF_RECORDS);

/** Writes entries with their content: a `tree` stream. */
export class TreeWriter implements EntryWriter {
  readonly #sink: ByteSink;
  readonly #record = new RecordBuffer();
  #before: BytePath = '';
  #left = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  begin(entry: Entry): void {
    this.#record.clear();
    encodeEntry(this.#record, this.#before, entry);
    writeAll(this.#sink, this.#record.bytes());
    this.#before = entry.path;
    this.#left = entry.kind === 'file' && entry.contentOmitted !== true ? entry.size : 0;
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
  }

  end(): void {
    writeAll(this.#sink, END);
  }
}
