import { toText, type BytePath } from '../disk/byte-path.ts';
import type { ByteSource } from './byte-io.ts';
import { checkOrder, decodeEntry } from './entry-record.ts';
import type { Content, Entry } from './entry.ts';
import { RecordReader } from './record-io.ts';

export interface TreeReaderOptions {
  /** The entries come in any order, as in a foreign tar. */
  unordered: boolean;
}

/**
 * Reads a `tree` stream: entries, each followed by its content. Checks the order of the paths, and
 * nothing else about them.
 *
 * @throws CtxsyncError corrupt
 */
export class TreeReader implements Content {
  readonly #source: ByteSource;
  readonly #records: RecordReader;
  readonly #unordered: boolean;
  #before: BytePath | undefined;
  /** Unread bytes of the current entry's content. */
  #left = 0;

  constructor(source: ByteSource, { unordered }: TreeReaderOptions) {
    this.#source = source;
    this.#records = new RecordReader(source, "the sender's context");
    this.#unordered = unordered;
  }

  /** The next entry; undefined after the last. Consume all content of the current entry first. */
  next(): Entry | undefined {
    const before = this.#before;
    const entry = this.#records.next((cursor) => decodeEntry(cursor, before));
    if (entry === undefined) return undefined;
    if (!this.#unordered) checkOrder(entry.path, before, (what) => this.#records.broken(what));
    this.#before = entry.path;
    this.#left = entry.contentOmitted === true ? 0 : entry.size;
    return entry;
  }

  /** Unread bytes of the current entry's content. */
  get left(): number {
    return this.#left;
  }

  content(): Uint8Array {
    if (this.#left === 0) return NO_BYTES;
    const bytes = this.#source.peek();
    if (bytes.length === 0) {
      throw this.#records.broken(`ends in the middle of ${toText(this.#before ?? '')}`);
    }
    return bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
  }

  consumed(count: number): void {
    this.#source.consumed(count);
    this.#left -= count;
  }
}

const NO_BYTES = new Uint8Array(0);
