import { inspect } from 'node:util';
import { CtxsyncError } from '../errors.ts';
import { EventLoopTurns } from './event-loop-turns.ts';
import type { Incoming, Outgoing } from './transport.ts';

/**
 * What is used of a ReadableStream (WHATWG Streams, section 4), so that those of Node, of a browser's typings
 * and of others fit.
 */
export interface WebReadable {
  getReader(): WebReader;
}

export interface WebReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(reason?: unknown): Promise<void>;
}

/** What is used of a WritableStream (WHATWG Streams, section 5). */
export interface WebWritable {
  getWriter(): WebWriter;
}

export interface WebWriter {
  /** Rejects with the reason when the stream breaks; a reader that cancels need not give any. */
  readonly closed: Promise<unknown>;
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
}

/** A transport's writing end over a WritableStream. */
export class WebOutgoing implements Outgoing {
  readonly untakenBytes = undefined;
  readonly #writer: WebWriter;
  readonly #toError: (cause: Error | undefined) => CtxsyncError;
  /** Ends the pending call; does nothing when none is. */
  #fail = (_error: CtxsyncError): void => {};
  /** Set when the stream has ended: closed, or cancelled by its reader, who need not give a reason. */
  #ended: { reason: unknown } | undefined;

  constructor(writer: WebWriter, toError: (cause: Error | undefined) => CtxsyncError) {
    this.#writer = writer;
    this.#toError = toError;
    const onEnded = (reason: unknown): void => void (this.#ended = { reason });
    writer.closed.then(onEnded, onEnded);
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    // A stream may pass on the memory it was given, and ours is used again after the write.
    for (const piece of pieces) {
      await this.#unlessDestroyed(this.#writer.write(new Uint8Array(piece)));
    }
  }

  end(): Promise<void> {
    const closed = this.#writer.close().catch((error: unknown) => {
      const { reason } = this.#ended ?? { reason: error };
      // Each write has settled, so a reader that went away without a reason has lost nothing.
      if (reason !== undefined) throw reason;
    });
    return this.#unlessDestroyed(closed);
  }

  destroy(): void {
    // Settles only when the sink has finished its last write, which may be never.
    this.#writer.abort().catch(() => {});
    this.#fail(this.#toError(undefined));
  }

  #unlessDestroyed(work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      work.then(resolve, (error: unknown) => reject(this.#toError(toCause(error))));
    });
  }
}

/** A transport's reading end over a ReadableStream. */
export class WebIncoming implements Incoming {
  readonly #reader: WebReader;
  readonly #toError: (cause: Error) => CtxsyncError;

  constructor(reader: WebReader, toError: (cause: Error) => CtxsyncError) {
    this.#reader = reader;
    this.#toError = toError;
  }

  async read(take: (bytes: Uint8Array) => Promise<void> | undefined): Promise<void> {
    const turns = new EventLoopTurns();
    for (let bytes = await this.#next(); bytes !== undefined; bytes = await this.#next()) {
      await take(bytes);
      await turns.next();
    }
  }

  destroy(): void {
    this.#reader.cancel().catch(() => {});
  }

  /** @returns undefined at the end */
  async #next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#reader.read().catch((error: unknown) => {
      throw this.#toError(toCause(error) ?? new Error('the stream was aborted'));
    });
    if (done) return undefined;
    const bytes: unknown = value;
    if (bytes instanceof Uint8Array) return bytes;
    const message = `a web stream gave a chunk that is not a Uint8Array: ${typeof bytes}`;
    throw new CtxsyncError('usage', message);
  }
}

/** A stream can be aborted with any value, or none. */
function toCause(error: unknown): Error | undefined {
  if (error === undefined || error instanceof Error) return error;
  return new Error(inspect(error), { cause: error });
}
