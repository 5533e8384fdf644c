import type { ByteSink, ByteSource } from '../byte-io.ts';
import { comparePaths, toText, type BytePath } from '../disk/byte-path.ts';
import type { Want, WantSource } from '../entry.ts';
import { broken, RecordReader, RecordWriter } from '../record-io.ts';

const SHA256_DIGITS = 64;

/** Writes which entries of a manifest are to travel: the `want` stream of PROTOCOL.md. */
export class WantWriter {
  readonly #records: RecordWriter;

  constructor(sink: ByteSink) {
    this.#records = new RecordWriter(sink);
  }

  add({ path, sha256 }: Want): void {
    this.#records.write(sha256 === undefined ? `+${path}` : `=${sha256}${path}`);
  }

  end(): void {
    this.#records.flush();
  }
}

/** Reads them, one ahead. They come in the order of a walk. */
export class WantReader implements WantSource {
  readonly #records: RecordReader;
  #next: Want | undefined;
  #before: BytePath | undefined;

  constructor(source: ByteSource) {
    this.#records = new RecordReader(source);
  }

  /** @throws CtxsyncError corrupt */
  peek(): Want | undefined {
    if (this.#next !== undefined) return this.#next;
    const record = this.#records.next();
    if (record === undefined) return undefined;
    const want = decode(record);
    if (this.#before !== undefined && comparePaths(this.#before, want.path) >= 0) {
      throw broken(`is out of order at ${toText(want.path)}`);
    }
    this.#before = want.path;
    this.#next = want;
    return want;
  }

  take(): void {
    this.#next = undefined;
  }
}

function decode(record: string): Want {
  if (record.startsWith('+')) return { path: record.slice(1) };
  const sha256 = record.slice(1, 1 + SHA256_DIGITS);
  if (!record.startsWith('=') || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw broken(`has a bad want: ${toText(record.slice(0, 80))}`);
  }
  return { path: record.slice(1 + SHA256_DIGITS), sha256 };
}
