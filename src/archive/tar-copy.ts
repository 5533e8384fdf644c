import type { Content, Entry, EntrySink } from '../entry.ts';
import type { Gauge } from '../disk/gauge.ts';
import type { ByteSink } from '../byte-io.ts';
import { TarWriter } from './tar-writer.ts';

/** Writes checked entries as an archive of our own form: `send -` and `receive -`. */
export class TarCopy implements EntrySink {
  readonly #tar: TarWriter;
  readonly #gauge: Gauge;

  constructor(sink: ByteSink, gauge: Gauge) {
    this.#tar = new TarWriter(sink);
    this.#gauge = gauge;
  }

  add(entry: Entry, content: Content): void {
    this.#tar.begin(entry);
    for (let from = content.content(); from.length > 0; from = content.content()) {
      const to = this.#tar.reserve();
      const count = Math.min(from.length, to.length);
      to.set(from.subarray(0, count));
      this.#tar.produced(count);
      content.consumed(count);
      this.#gauge.addBytes(count);
    }
    this.#tar.finish();
  }

  end(): void {
    this.#tar.end();
  }
}
