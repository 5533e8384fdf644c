import type { Readable, Writable } from 'node:stream';
import { destinationError, errnoOf } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import type { Incoming, Outgoing } from './transport.ts';

/** A transport over any Node stream: a child's stdin, a socket, a file. */
export function toStream(stream: Writable): Outgoing {
  return new WritableOutgoing(stream);
}

/** A transport over any Node stream: a child's stdout, a socket, a file. */
export function fromStream(stream: Readable): Incoming {
  return new ReadableIncoming(stream);
}

/** A transport's writing end over any Node stream. */
export class WritableOutgoing implements Outgoing {
  readonly #stream: Writable;
  readonly #toError: (cause: Error | undefined) => CtxsyncError;
  #broken: CtxsyncError | undefined;
  #onBroken: ((error: CtxsyncError) => void) | undefined;

  /** @param toError what it means that the stream broke, or was closed when `cause` is absent */
  constructor(stream: Writable, toError = peerGone) {
    this.#stream = stream;
    this.#toError = toError;
    stream.on('error', (error) => this.#break(error));
    stream.on('close', () => this.#break(undefined));
  }

  write(pieces: readonly Uint8Array[]): Promise<void> {
    return this.#settled((done) => {
      this.#stream.cork();
      pieces.forEach((piece, index) => {
        if (index < pieces.length - 1) this.#stream.write(piece);
        else this.#stream.write(piece, (error) => (error == null ? done() : this.#break(error)));
      });
      this.#stream.uncork();
    });
  }

  end(): Promise<void> {
    if (this.#stream.writableFinished) return Promise.resolve();
    return this.#settled((done) => this.#stream.end(done));
  }

  destroy(): void {
    this.#stream.destroy();
    this.#break(undefined);
  }

  /** Runs what calls back when it is done, unless the stream breaks first. */
  #settled(run: (done: () => void) => void): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      this.#onBroken = reject;
      run(() => {
        this.#onBroken = undefined;
        resolve();
      });
    });
  }

  #break(cause: Error | undefined): void {
    this.#broken ??= this.#toError(cause);
    this.#onBroken?.(this.#broken);
    this.#onBroken = undefined;
  }
}

/** A transport's reading end over any Node stream. */
export class ReadableIncoming implements Incoming {
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  async read(take: (bytes: Uint8Array) => Promise<void> | undefined): Promise<void> {
    for await (const chunk of this.#chunks()) await take(chunk);
  }

  destroy(): void {
    this.#stream.destroy();
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#stream) {
        yield typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array);
      }
    } catch (error) {
      // Destroyed by us: then nobody wants to know.
      if (this.#stream.errored === null) return;
      throw readError(error);
    }
  }
}

export function readError(cause: unknown): CtxsyncError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CtxsyncError('truncated', `reading from the peer failed: ${why}`, { cause });
}

export function peerGone(cause: Error | undefined): CtxsyncError {
  const why = cause === undefined || errnoOf(cause) === 'EPIPE' ? '' : `: ${cause.message}`;
  const message = `the peer is gone: it closed its end before it had everything${why}`;
  return new CtxsyncError('peer-gone', `${message}; its own message says why`, { cause });
}

/** For a tar on stdout: what breaks is not the peer, but the destination. */
export function outputBroken(cause: Error | undefined): CtxsyncError {
  if (cause !== undefined && errnoOf(cause) !== 'EPIPE') {
    return destinationError(cause, 'write', 'stdout');
  }
  return new CtxsyncError(
    'not-writable',
    'whoever reads the tar on stdout closed it before its end',
  );
}
