import type { ByteSink, ByteSource } from './byte-io.ts';
import { comparePaths, toText, type BytePath } from '../disk/byte-path.ts';
import type { EntryKind, Want, WantSource } from './entry.ts';
import { broken, RecordReader, RecordWriter } from './record-io.ts';
import { LETTERS } from './manifest.ts';

const KINDS = new Map(
  Object.entries(LETTERS).map(([kind, letter]) => [letter as string, kind as EntryKind]),
);

/** Writes which entries of a manifest are to travel: the `want` stream of PROTOCOL.md. */
export class WantWriter {
  readonly #records: RecordWriter;

  constructor(sink: ByteSink) {
    this.#records = new RecordWriter(sink);
  }

  add({ path, kind, stamp, sha256 }: Want): void {
    const sign = sha256 === undefined ? '+' : `=${sha256}`;
    this.#records.write(`${LETTERS[kind]}${stamp}${sign}${path}`);
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

const HEAD = /^([fdlh])([0-9a-f]{8})(?:\+|=([0-9a-f]{64}))/;

function decode(record: string): Want {
  const match = HEAD.exec(record);
  if (match === null) throw broken(`has a bad want: ${toText(record.slice(0, 80))}`);
  const [head, letter = '', stamp = '', sha256] = match;
  const want: Want = { path: record.slice(head.length), kind: KINDS.get(letter)!, stamp };
  if (sha256 !== undefined) want.sha256 = sha256;
  return want;
}
