import { closeSync, constants, readSync } from 'node:fs';
import { joinPath } from '../disk/byte-path.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { destinationError } from '../disk/system-error.ts';
import { writeAll } from '../disk/write-all.ts';
import type { ByteSink } from '../entry/byte-io.ts';
import { encodeItem, type Item } from '../entry/item.ts';
import { IO_BUFFER_BYTES, RECORD_BATCH_BYTES } from '../limits.ts';

const NAME = 'items';

/**
 * Keeps the list of what a commit changes, which may be as long as OUT, in a file of the stage: it is found
 * out before the commit, and may be told only after it. The file is held open, and outlives the stage.
 */
export class ItemFile {
  readonly fd: number;
  #text = '';

  /** @throws CtxsyncError no-space, not-writable; as do all methods */
  constructor(stage: HeldDirectory) {
    const { O_CREAT, O_EXCL, O_RDWR } = constants;
    try {
      this.fd = stage.openFile(NAME, O_CREAT | O_EXCL | O_RDWR, 0o600);
    } catch (error) {
      throw destinationError(error, 'write', joinPath(stage.path, NAME));
    }
  }

  add(item: Item): void {
    this.#text += encodeItem(item);
    if (this.#text.length >= RECORD_BATCH_BYTES) this.#flush();
  }

  /** All items were added. */
  end(): void {
    this.#flush();
  }

  close(): void {
    closeSync(this.fd);
  }

  #flush(): void {
    const bytes = Buffer.from(this.#text, 'latin1');
    this.#text = '';
    try {
      writeAll(this.fd, bytes);
    } catch (error) {
      throw destinationError(error, 'write', NAME);
    }
  }
}

/** Writes the list into a sink, from its beginning. @param fd of an ItemFile, which stays open */
export function readItemFile(fd: number, sink: ByteSink): void {
  for (let at = 0; ;) {
    const room = sink.reserve();
    const count = readSync(fd, room, 0, Math.min(room.length, IO_BUFFER_BYTES), at);
    if (count === 0) return;
    at += count;
    sink.produced(count);
  }
}
