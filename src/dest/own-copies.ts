import { comparePaths, type BytePath } from '../disk/byte-path.ts';
import type { HeldDirectory } from '../disk/held-directory.ts';
import type { RecordBuffer, RecordCursor } from '../entry/record-io.ts';
import { StageListReader, StageListWriter } from './stage-list.ts';

/**
 * Where a wanted file's content is already: if the source has the same, it is not sent. Paths are relative to
 * the context.
 */
export type OwnCopy =
  /** It is the file in OUT, which stays: only its mode and time change. */
  | { kind: 'in-place'; path: BytePath; version: string }
  /** `source`, a file in OUT, of which a copy is made. */
  | { kind: 'copy'; path: BytePath; source: BytePath; sha256: string }
  /** The file of that path that an interrupted run has left. */
  | { kind: 'partial-stage'; path: BytePath };

/** A kind is stored as its index here. */
const KINDS = ['in-place', 'copy', 'partial-stage'] as const satisfies OwnCopy['kind'][];
const SHA256_BYTES = 32;

/**
 * Lists own copies, in walk order, in a file of the stage. Whoever unpacks the answers reads it at the same
 * time, so it is flushed before the wants are.
 */
export class OwnCopyWriter extends StageListWriter<OwnCopy> {
  /** @throws CtxsyncError no-space, not-writable; as do all methods */
  constructor(stage: HeldDirectory, name: BytePath) {
    super(stage, name, encode);
  }
}

/** Finds own copies of files that come without content. */
export interface OwnCopies {
  /**
   * @param path sorts after all that were looked up before
   * @returns undefined if the sender was not told of any
   */
  find(path: BytePath): OwnCopy | undefined;
  close(): void;
}

/** Reads the list while it is being written. It never waits: what was asked for was flushed before. */
export class OwnCopyReader implements OwnCopies {
  readonly #stage: HeldDirectory;
  readonly #name: BytePath;
  #list: StageListReader<OwnCopy> | undefined;
  /** It sorts after what was looked up last. */
  #next: OwnCopy | undefined;

  /** Nothing is opened until the first file comes without content. */
  constructor(stage: HeldDirectory, name: BytePath) {
    this.#stage = stage;
    this.#name = name;
  }

  find(path: BytePath): OwnCopy | undefined {
    for (;;) {
      this.#next ??= this.#opened()?.nextFlushed();
      if (this.#next === undefined) return undefined;
      const order = comparePaths(this.#next.path, path);
      if (order > 0) return undefined;
      const found = this.#next;
      this.#next = undefined;
      if (order === 0) return found;
    }
  }

  close(): void {
    this.#list?.close();
  }

  /** Undefined when the sender answers what it was not asked, before anything was. */
  #opened(): StageListReader<OwnCopy> | undefined {
    if (this.#list === undefined && this.#stage.look(this.#name) !== undefined) {
      this.#list = new StageListReader(this.#stage, this.#name, decode);
    }
    return this.#list;
  }
}

function encode(to: RecordBuffer, copy: OwnCopy): void {
  to.byte(KINDS.indexOf(copy.kind));
  to.text(copy.path);
  if (copy.kind === 'in-place') to.text(copy.version);
  if (copy.kind !== 'copy') return;
  to.text(copy.source);
  to.hex(copy.sha256);
}

function decode(from: RecordCursor): OwnCopy {
  const kind = KINDS[from.byte()];
  if (kind === undefined) throw from.broken('has a bad copy');
  const path = from.text();
  if (kind === 'in-place') return { kind, path, version: from.text() };
  if (kind !== 'copy') return { kind, path };
  return { kind, path, source: from.text(), sha256: from.hex(SHA256_BYTES) };
}
