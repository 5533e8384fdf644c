import type { WorkerStatus } from '../disk/worker-status.ts';
import type { Content, Entry, EntrySink, EntryWriter } from './entry.ts';

/** Writes checked entries in another format: a tar as a `tree` stream, or the reverse. */
export class EntryCopy implements EntrySink {
  readonly #writer: EntryWriter;
  readonly #status: WorkerStatus;

  constructor(writer: EntryWriter, status: WorkerStatus) {
    this.#writer = writer;
    this.#status = status;
  }

  add(entry: Entry, content: Content): void {
    this.#writer.begin(entry);
    for (let from = content.content(); from.length > 0; from = content.content()) {
      const to = this.#writer.reserve();
      const count = Math.min(from.length, to.length);
      to.set(from.subarray(0, count));
      this.#writer.produced(count);
      content.consumed(count);
      this.#status.addBytes(count);
    }
    this.#writer.finish();
  }

  end(): void {
    this.#writer.end();
  }
}
