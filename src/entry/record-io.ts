import { CtxsyncError } from '../errors.ts';
import {
  FLUSH_AFTER_MS,
  MAX_RECORD_BYTES,
  MAX_RECORD_TEXT_BYTES,
  RECORD_BATCH_BYTES,
} from '../limits.ts';
import { writeAll, type ByteSink, type ByteSource } from './byte-io.ts';

/** Marks the end in place of the next record: no head byte has this bit. */
export const END_OF_RECORDS = 0x80;

/** The first number that four groups of seven bits cannot hold. */
const FOUR_GROUPS = 2 ** 28;

/** Encodes the fields of records in sequence; the counterpart of RecordCursor. */
export class RecordBuffer {
  readonly #bytes: Buffer;
  #length = 0;

  /** @param capacity bytes; a record takes at most MAX_RECORD_BYTES */
  constructor(capacity = MAX_RECORD_BYTES) {
    this.#bytes = Buffer.alloc(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** The encoded bytes. Valid until `clear`. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  byte(value: number): void {
    this.#bytes[this.#length++] = value;
  }

  /** LEB128: seven bits per byte, lowest first. @param value from 0 to 2^53 - 1 */
  varint(value: number): void {
    const bytes = this.#bytes;
    let at = this.#length;
    let left = value;
    // Four bytes at a time from a number that is no 32-bit integer: its arithmetic is slow.
    while (left >= FOUR_GROUPS) {
      const low = left % FOUR_GROUPS;
      bytes[at++] = low | 0x80;
      bytes[at++] = (low >>> 7) | 0x80;
      bytes[at++] = (low >>> 14) | 0x80;
      bytes[at++] = (low >>> 21) | 0x80;
      left = (left - low) / FOUR_GROUPS;
    }
    let small = left | 0;
    while (small >= 0x80) {
      bytes[at++] = small | 0x80;
      small >>>= 7;
    }
    bytes[at++] = small;
    this.#length = at;
  }

  /** One byte per character, preceded by their number. */
  text(text: string): void {
    this.varint(text.length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#length = at;
  }

  /** @param value from 0 to 2^32 - 1 */
  uint32(value: number): void {
    this.#length = this.#bytes.writeUInt32BE(value, this.#length);
  }

  /** @param digits hexadecimal */
  hex(digits: string): void {
    this.#length += this.#bytes.write(digits, this.#length, 'hex');
  }
}

/** Thrown when the bytes end in the middle of a record: more may come. */
const INCOMPLETE = new Error('the record goes on');

/** Decodes fields of records in contiguous memory. */
export class RecordCursor {
  readonly #origin: string;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Bytes decoded since `reset`. */
  get at(): number {
    return this.#at;
  }

  reset(bytes: Uint8Array, end = bytes.length): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = end;
  }

  byte(): number {
    if (this.#at === this.#end) throw INCOMPLETE;
    return this.#bytes[this.#at++]!;
  }

  /** @throws CtxsyncError corrupt: over 2^53 - 1, or longer than necessary */
  varint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let scale = 0x80; scale < 2 ** 56; scale *= 0x80) {
      byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if (byte === 0 || !Number.isSafeInteger(value)) break;
      return value;
    }
    throw this.broken('has a bad number');
  }

  /** One byte per character. @throws CtxsyncError corrupt: longer than MAX_RECORD_TEXT_BYTES */
  text(): string {
    const length = this.varint();
    if (length > MAX_RECORD_TEXT_BYTES) throw this.broken(`has a text of ${length} bytes`);
    return this.#take(length).toString('latin1');
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  /** @param count bytes; the result has two digits for each */
  hex(count: number): string {
    return this.#take(count).toString('hex');
  }

  /** @param what is wrong with the bytes, as a verb phrase */
  broken(what: string): CtxsyncError {
    return new CtxsyncError('corrupt', `${this.#origin} ${what}`);
  }

  #take(count: number): Buffer {
    const from = this.#at;
    if (this.#end - from < count) throw INCOMPLETE;
    this.#at = from + count;
    const { buffer, byteOffset } = this.#bytes;
    return Buffer.from(buffer, byteOffset + from, count);
  }
}

/** Collects records and writes them in batches. */
export class RecordWriter {
  readonly #sink: ByteSink;
  readonly #buffer = new RecordBuffer(RECORD_BATCH_BYTES + MAX_RECORD_BYTES);
  #flushedAt = performance.now();

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Where to encode the next record; call `written` afterwards. */
  get buffer(): RecordBuffer {
    return this.#buffer;
  }

  /**
   * A record is complete. Records are written in batches; but those that come slowly, as digests do,
   * are written at once, so that the peer can already work on them.
   */
  written(): void {
    const isFull = this.#buffer.length >= RECORD_BATCH_BYTES;
    if (isFull || performance.now() - this.#flushedAt >= FLUSH_AFTER_MS) this.flush();
  }

  /** No record follows. */
  end(): void {
    this.#buffer.byte(END_OF_RECORDS);
    this.flush();
  }

  flush(): void {
    writeAll(this.#sink, this.#buffer.bytes());
    this.#buffer.clear();
    this.#flushedAt = performance.now();
  }
}

/** Reads records in place, and copies only those that the source returns in several pieces. */
export class RecordReader {
  readonly #source: ByteSource;
  readonly #cursor: RecordCursor;
  #joined: Buffer | undefined;
  #ended = false;

  /** @param origin name of the stream for messages: "the sender's list of entries" */
  constructor(source: ByteSource, origin: string) {
    this.#source = source;
    this.#cursor = new RecordCursor(origin);
  }

  /**
   * The next record; undefined after the last.
   * @param decode may be called again for the same record when more bytes arrive
   * @throws CtxsyncError corrupt, and what `decode` throws
   */
  next<Item>(decode: (cursor: RecordCursor) => Item): Item | undefined {
    if (this.#ended) return undefined;
    const bytes = this.#source.peek();
    if (bytes.length === 0) throw this.broken('ends too early');
    if (bytes[0] === END_OF_RECORDS) return this.#end();
    this.#cursor.reset(bytes);
    const item = this.#try(decode);
    if (item === undefined) return this.#join(decode);
    this.#source.consumed(this.#cursor.at);
    return item;
  }

  broken(what: string): CtxsyncError {
    return this.#cursor.broken(what);
  }

  #end(): undefined {
    this.#source.consumed(1);
    this.#ended = true;
    if (this.#source.peek().length > 0) throw this.broken('goes on after its end');
  }

  #join<Item>(decode: (cursor: RecordCursor) => Item): Item {
    const joined = (this.#joined ??= Buffer.alloc(MAX_RECORD_BYTES));
    for (let used = 0; ;) {
      const bytes = this.#source.peek();
      if (bytes.length === 0) throw this.broken('ends in the middle of an entry');
      const count = Math.min(bytes.length, joined.length - used);
      joined.set(bytes.subarray(0, count), used);
      this.#cursor.reset(joined, used + count);
      const item = this.#try(decode);
      if (item !== undefined) {
        this.#source.consumed(this.#cursor.at - used);
        return item;
      }
      this.#source.consumed(count);
      used += count;
    }
  }

  /** Returns undefined if the record is incomplete. */
  #try<Item>(decode: (cursor: RecordCursor) => Item): Item | undefined {
    try {
      return decode(this.#cursor);
    } catch (error) {
      if (error === INCOMPLETE) return undefined;
      throw error;
    }
  }
}
