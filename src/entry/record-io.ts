import { writeAll, type ByteSink, type ByteSource } from './byte-io.ts';
import { CtxsyncError } from '../errors.ts';
import { FLUSH_AFTER_MS, MAX_RECORD_BYTES } from '../limits.ts';

/** Bytes that are gathered before they go on. */
const BATCH_BYTES = 16 * 1024;

/** Writes records: bytes that have no NUL, as POSIX's names have none, and a NUL after each. */
export class RecordWriter {
  readonly #sink: ByteSink;
  readonly #buffer = Buffer.alloc(BATCH_BYTES);
  #used = 0;
  #flushedAt = performance.now();

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /**
   * By the batch; but what comes slowly, as digests do, goes on its way: the peer works on it meanwhile.
   * @param record a byte a character, at most MAX_RECORD_BYTES
   */
  write(record: string): void {
    if (this.#used + record.length + 1 > BATCH_BYTES) this.flush();
    this.#used += this.#buffer.write(record, this.#used, 'latin1');
    this.#buffer[this.#used++] = 0;
    if (performance.now() - this.#flushedAt >= FLUSH_AFTER_MS) this.flush();
  }

  flush(): void {
    writeAll(this.#sink, this.#buffer.subarray(0, this.#used));
    this.#used = 0;
    this.#flushedAt = performance.now();
  }
}

/** Reads what a RecordWriter wrote. */
export class RecordReader {
  readonly #source: ByteSource;
  readonly #buffer = Buffer.alloc(4 * BATCH_BYTES);
  #from = 0;
  #to = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * The next record, a byte a character; undefined at the end.
   * @throws CtxsyncError corrupt
   */
  next(): string | undefined {
    for (;;) {
      const end = this.#buffer.indexOf(0, this.#from);
      const ended = end >= 0 && end < this.#to;
      // Whether it is too long must not depend on how much of it came at once.
      const length = (ended ? end : this.#to) - this.#from;
      if (length > MAX_RECORD_BYTES) throw broken('has a record that is too long');
      if (ended) {
        const record = this.#buffer.toString('latin1', this.#from, end);
        this.#from = end + 1;
        return record;
      }
      if (!this.#fill()) return undefined;
    }
  }

  /** False: there is no more. */
  #fill(): boolean {
    this.#buffer.copyWithin(0, this.#from, this.#to);
    this.#to -= this.#from;
    this.#from = 0;
    const bytes = this.#source.peek();
    if (bytes.length === 0 && this.#to > 0) throw broken('ends in the middle of a record');
    const count = Math.min(bytes.length, this.#buffer.length - this.#to);
    this.#buffer.set(bytes.subarray(0, count), this.#to);
    this.#source.consumed(count);
    this.#to += count;
    return count > 0;
  }
}

/** What a list of the peer's is not. */
export function broken(what: string): CtxsyncError {
  return new CtxsyncError('corrupt', `the peer's list of entries ${what}`);
}
