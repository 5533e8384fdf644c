import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { ByteSink, ByteSource } from '../byte-io.ts';
import { toFsPath, type BytePath } from '../disk/byte-path.ts';
import { RecordReader, RecordWriter } from '../record-io.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';

/** A change to OUT for which nothing has to travel. Paths are within the context. */
export type Edit =
  | { kind: 'remove'; path: BytePath }
  /** A new name of a file that is there and stays as it is. */
  | { kind: 'link'; path: BytePath; link: BytePath };

/** Keeps edits in a file of the stage until the commit: there may be as many as OUT has entries. */
export class EditWriter {
  readonly #fd: number;
  readonly #records: RecordWriter;

  constructor(path: BytePath) {
    this.#fd = openSync(toFsPath(path), 'wx', 0o600);
    this.#records = new RecordWriter(new FileSink(this.#fd));
  }

  add(edit: Edit): void {
    this.#records.write(edit.kind);
    this.#records.write(edit.path);
    if (edit.kind === 'link') this.#records.write(edit.link);
  }

  close(): void {
    try {
      this.#records.flush();
    } finally {
      closeSync(this.#fd);
    }
  }
}

/** @throws the system call's error */
export function* readEdits(path: BytePath): Generator<Edit> {
  const fd = openSync(toFsPath(path), 'r');
  try {
    const records = new RecordReader(new FileSource(fd));
    for (let kind = records.next(); kind !== undefined; kind = records.next()) {
      const entry = records.next() ?? '';
      if (kind === 'remove') yield { kind, path: entry };
      else yield { kind: 'link', path: entry, link: records.next() ?? '' };
    }
  } finally {
    closeSync(fd);
  }
}

class FileSink implements ByteSink {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(IO_BUFFER_BYTES);

  constructor(fd: number) {
    this.#fd = fd;
  }

  reserve(): Uint8Array {
    return this.#buffer;
  }

  produced(count: number): void {
    for (let done = 0; done < count;) {
      done += writeSync(this.#fd, this.#buffer, done, count - done);
    }
  }
}

class FileSource implements ByteSource {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(IO_BUFFER_BYTES);
  #from = 0;
  #to = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  peek(): Uint8Array {
    if (this.#from === this.#to) {
      this.#from = 0;
      this.#to = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, null);
    }
    return this.#buffer.subarray(this.#from, this.#to);
  }

  consumed(count: number): void {
    this.#from += count;
  }
}
