import type { BytePath } from '../disk/byte-path.ts';
import type { ByteSink, ByteSource } from './byte-io.ts';
import { checkOrder, decodeManifestEntry, encodeManifestEntry } from './entry-record.ts';
import type { ManifestEntry } from './entry.ts';
import { RecordReader, RecordWriter } from './record-io.ts';

/** Writes the entries of a context, without content: a `manifest` stream. */
export class ManifestWriter {
  readonly #records: RecordWriter;
  #before: BytePath = '';

  constructor(sink: ByteSink) {
    this.#records = new RecordWriter(sink);
  }

  add(entry: ManifestEntry): void {
    encodeManifestEntry(this.#records.buffer, this.#before, entry);
    this.#records.written();
    this.#before = entry.path;
  }

  end(): void {
    this.#records.end();
  }
}

/**
 * Reads a manifest. Checks that its entries come in walk order without duplicates, and nothing else
 * about their paths.
 *
 * @throws CtxsyncError corrupt
 */
export function* readManifest(source: ByteSource): Generator<ManifestEntry> {
  const records = new RecordReader(source, "the sender's manifest");
  let before: BytePath | undefined;
  for (;;) {
    const entry = records.next((cursor) => decodeManifestEntry(cursor, before));
    if (entry === undefined) return;
    checkOrder(entry.path, before, (what) => records.broken(what));
    before = entry.path;
    yield entry;
  }
}
