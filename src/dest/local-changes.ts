import { closeSync, constants, readSync, writeSync } from 'node:fs';
import type { ByteSink, ByteSource } from '../entry/byte-io.ts';
import { closeRead } from '../disk/close-read.ts';
import { joinPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import { destinationError } from '../disk/system-error.ts';
import { RecordReader, RecordWriter, type RecordCursor } from '../entry/record-io.ts';
import { IO_BUFFER_BYTES } from '../limits.ts';

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;

/** A change to OUT for which nothing is sent. Paths are relative to the context. */
export type LocalChange =
  | { kind: 'remove'; path: BytePath }
  /** An existing directory that could not be listed: the stage has all its new content. */
  | { kind: 'whole'; path: BytePath }
  /** A new name of an existing, unchanged file. */
  | { kind: 'link'; path: BytePath; link: BytePath };

/** A kind is stored as its index here. */
const KINDS = ['remove', 'whole', 'link'] as const satisfies LocalChange['kind'][];

/** Keeps local changes in a file of the stage until the commit: there may be as many as OUT has entries. */
export class LocalChangeWriter {
  readonly #fd: number;
  readonly #records: RecordWriter;

  /** @throws CtxsyncError no-space, not-writable; as do all methods */
  constructor(stage: HeldDirectory, name: BytePath) {
    const path = joinPath(stage.path, name);
    this.#fd = attempt('write', path, () =>
      stage.openFile(name, O_CREAT | O_EXCL | O_WRONLY, 0o600),
    );
    this.#records = new RecordWriter(new FileSink(this.#fd, path));
  }

  add(change: LocalChange): void {
    const { buffer } = this.#records;
    buffer.byte(KINDS.indexOf(change.kind));
    buffer.text(change.path);
    if (change.kind === 'link') buffer.text(change.link);
    this.#records.written();
  }

  close(): void {
    try {
      this.#records.end();
    } finally {
      closeSync(this.#fd);
    }
  }
}

/** @throws CtxsyncError not-writable */
export function* readLocalChanges(stage: HeldDirectory, name: BytePath): Generator<LocalChange> {
  const path = joinPath(stage.path, name);
  const fd = attempt('read', path, () => stage.openFile(name, O_RDONLY));
  try {
    const records = new RecordReader(new FileSource(fd, path), toText(path));
    for (;;) {
      const change = records.next(decode);
      if (change === undefined) break;
      yield change;
    }
  } finally {
    closeRead(fd);
  }
}

function decode(from: RecordCursor): LocalChange {
  const kind = KINDS[from.byte()];
  if (kind === undefined) throw from.broken('has a bad change');
  const path = from.text();
  return kind === 'link' ? { kind, path, link: from.text() } : { kind, path };
}

/** Throws a failure on the file of local changes as a destination error: the disk may be full. */
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
    for (let done = 0; done < count;) {
      done += attempt('write', this.#path, () =>
        writeSync(this.#fd, this.#buffer, done, count - done),
      );
    }
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
