import { closeSync, constants, readSync } from 'node:fs';
import { closeRead } from '../disk/close-read.ts';
import { joinPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { destinationError } from '../disk/system-error.ts';
import { writeAll } from '../disk/write-all.ts';
import type { ByteSink, ByteSource } from '../entry/byte-io.ts';
import {
  RecordReader,
  RecordWriter,
  type RecordBuffer,
  type RecordCursor,
} from '../entry/record-io.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;

/** Writes records to a new file of the stage: a list that may be as long as OUT has entries. */
export class StageListWriter<Item> {
  readonly #fd: number;
  readonly #records: RecordWriter;
  readonly #encode: (to: RecordBuffer, item: Item) => void;

  /** @throws CtxsyncError no-space, not-writable; as do all methods */
  constructor(
    stage: HeldDirectory,
    name: BytePath,
    encode: (to: RecordBuffer, item: Item) => void,
  ) {
    const path = joinPath(stage.path, name);
    this.#fd = attempt('write', path, () =>
      stage.openFile(name, O_CREAT | O_EXCL | O_WRONLY, 0o600),
    );
    this.#records = new RecordWriter(new FileSink(this.#fd, path));
    this.#encode = encode;
  }

  add(item: Item): void {
    this.#encode(this.#records.buffer, item);
    this.#records.written();
  }

  /** Makes what was added visible to readers. */
  flush(): void {
    this.#records.flush();
  }

  close(): void {
    try {
      this.#records.end();
    } finally {
      closeSync(this.#fd);
    }
  }
}

/**
 * Reads such a list, from the first record on.
 * @throws CtxsyncError not-writable; corrupt
 */
export class StageListReader<Item> {
  readonly #fd: number;
  readonly #source: FileSource;
  readonly #records: RecordReader;
  readonly #decode: (from: RecordCursor) => Item;

  constructor(stage: HeldDirectory, name: BytePath, decode: (from: RecordCursor) => Item) {
    const path = joinPath(stage.path, name);
    this.#fd = attempt('read', path, () => stage.openFile(name, O_RDONLY));
    this.#source = new FileSource(this.#fd, path);
    this.#records = new RecordReader(this.#source, toText(path));
    this.#decode = decode;
  }

  /** The next record; undefined after the last. */
  next(): Item | undefined {
    return this.#records.next(this.#decode);
  }

  /** The same, for a list that is still being written: undefined when no more records were flushed. */
  nextFlushed(): Item | undefined {
    return this.#source.peek().length === 0 ? undefined : this.next();
  }

  close(): void {
    closeRead(this.#fd);
  }
}

/** Throws a failure on the list as a destination error: the disk may be full. */
function attempt<T>(doing: string, path: BytePath, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw destinationError(error, doing, path);
  }
}

class FileSink implements ByteSink {
  readonly #fd: number;
  readonly #path: BytePath;
  readonly #buffer = new Uint8Array(IO_BUFFER_BYTES);

  constructor(fd: number, path: BytePath) {
    this.#fd = fd;
    this.#path = path;
  }

  reserve(): Uint8Array {
    return this.#buffer;
  }

  produced(count: number): void {
    attempt('write', this.#path, () => writeAll(this.#fd, this.#buffer.subarray(0, count)));
  }
}

class FileSource implements ByteSource {
  readonly #fd: number;
  readonly #path: BytePath;
  readonly #buffer = new Uint8Array(IO_BUFFER_BYTES);
  #from = 0;
  #to = 0;

  constructor(fd: number, path: BytePath) {
    this.#fd = fd;
    this.#path = path;
  }

  peek(): Uint8Array {
    if (this.#from === this.#to) {
      this.#from = 0;
      this.#to = attempt('read', this.#path, () =>
        readSync(this.#fd, this.#buffer, 0, this.#buffer.length, null),
      );
    }
    return this.#buffer.subarray(this.#from, this.#to);
  }

  consumed(count: number): void {
    this.#from += count;
  }
}
