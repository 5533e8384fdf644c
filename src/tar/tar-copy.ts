import type { Content, Entry, EntrySink } from '../entry/entry.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import type { ByteSink } from '../entry/byte-io.ts';
import { MAX_OCTAL } from './header-block.ts';
import { isPlain } from './tar-header.ts';
import { TarWriter } from './tar-writer.ts';

export interface TarCopyOptions {
  /** It is read by other programs than ours: see `#beginPlain`. */
  forOthers: boolean;
}

/** Writes checked entries as an archive of our own form: `send -` and `receive -`. */
export class TarCopy implements EntrySink {
  readonly #tar: TarWriter;
  readonly #status: WorkerStatus;

  #isFirst: boolean;

  constructor(sink: ByteSink, status: WorkerStatus, { forOthers }: TarCopyOptions) {
    this.#tar = new TarWriter(sink);
    this.#status = status;
    this.#isFirst = forOthers;
  }

  add(entry: Entry, content: Content): void {
    this.#tar.begin(this.#isFirst ? this.#beginPlain(entry) : entry);
    this.#isFirst = false;
    for (let from = content.content(); from.length > 0; from = content.content()) {
      const to = this.#tar.reserve();
      const count = Math.min(from.length, to.length);
      to.set(from.subarray(0, count));
      this.#tar.produced(count);
      content.consumed(count);
      this.#status.addBytes(count);
    }
    this.#tar.finish();
  }

  end(): void {
    this.#tar.end();
  }

  /**
   * docker and BuildKit take stdin for a tar when they find a member in its first 1,024 bytes; a pax
   * header makes that too few, and of the archive a Dockerfile (docker/cli#1459, docker/cli#2525). So
   * the first member has whole seconds; and what has another reason for a pax header comes second,
   * behind the root.
   */
  #beginPlain(entry: Entry): Entry {
    const first = { ...entry, mtimeUs: Math.floor(entry.mtimeUs / 1e6) * 1e6 };
    if (isPlain(first)) return first;
    const mtimeUs = Math.min(Math.max(0, first.mtimeUs), MAX_OCTAL * 1e6);
    this.#tar.begin({ path: '', kind: 'directory', mode: 0o755, mtimeUs, size: 0 });
    this.#tar.finish();
    return entry;
  }
}
