import type { BytePath } from '../disk/byte-path.ts';
import type { ByteSink, ByteSource } from './byte-io.ts';
import { checkOrder, decodeWant, encodeWant } from './entry-record.ts';
import type { Want, WantSource } from './entry.ts';
import { RecordReader, RecordWriter } from './record-io.ts';

/** Writes the list of the manifest entries to be sent: a `want` stream. */
export class WantWriter {
  readonly #records: RecordWriter;
  #before: BytePath = '';

  constructor(sink: ByteSink) {
    this.#records = new RecordWriter(sink);
  }

  add(want: Want): void {
    encodeWant(this.#records.buffer, this.#before, want);
    this.#records.written();
    this.#before = want.path;
  }

  end(): void {
    this.#records.end();
  }
}

/** Reads a `want` stream, one entry ahead, and checks that it is in walk order. */
export class WantReader implements WantSource {
  readonly #records: RecordReader;
  #next: Want | undefined;
  #before: BytePath | undefined;

  constructor(source: ByteSource) {
    this.#records = new RecordReader(source, "the receiver's list of wanted entries");
  }

  /** @throws CtxsyncError corrupt */
  peek(): Want | undefined {
    if (this.#next !== undefined) return this.#next;
    const before = this.#before;
    const want = this.#records.next((cursor) => decodeWant(cursor, before));
    if (want === undefined) return undefined;
    checkOrder(want.path, before, (what) => this.#records.broken(what));
    this.#before = want.path;
    this.#next = want;
    return want;
  }

  take(): void {
    this.#next = undefined;
  }
}
