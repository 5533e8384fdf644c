import { WriteStream } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { errnoOf } from '../disk/errno.ts';
import { describeSystemError, destinationError } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import type { Incoming, Outgoing } from './transport.ts';

/** How a bidirectional stream fails, for its reader too, when the peer is gone. */
export const GONE = new Set(['EPIPE', 'ECONNRESET']);

/** A transport's writing end over any Node stream. */
export class WritableOutgoing implements Outgoing {
  readonly #stream: Writable;
  readonly #toError: (cause: Error | undefined) => CtxsyncError;
  readonly #mayKeepBytes: boolean;
  #broken: CtxsyncError | undefined;
  #onBroken: ((error: CtxsyncError) => void) | undefined;
  #onClosed = (): void => this.#break(undefined);

  /** @param toError the error for a broken stream, or for a closed one when `cause` is absent */
  constructor(stream: Writable, toError = peerGone) {
    this.#stream = stream;
    this.#toError = toError;
    this.#mayKeepBytes = !(stream instanceof Socket || stream instanceof WriteStream);
    stream.on('error', (error) => this.#break(error));
    stream.on('close', () => this.#onClosed());
  }

  write(given: readonly Uint8Array[]): Promise<void> {
    // Our memory is used again after the write, and many a stream, such as a PassThrough, calls back while it
    // still holds what it was given.
    const pieces = this.#mayKeepBytes ? given.map((piece) => Buffer.from(piece)) : given;
    return this.#settled((done) => {
      this.#stream.cork();
      pieces.forEach((piece, index) => {
        if (index < pieces.length - 1) this.#stream.write(piece);
        else this.#stream.write(piece, (error) => (error == null ? done() : this.#break(error)));
      });
      this.#stream.uncork();
    });
  }

  get untakenBytes(): number | undefined {
    return writeQueueBytes(this.#stream);
  }

  end(): Promise<void> {
    const { writableFinished, destroyed, errored } = this.#stream;
    // Each write has settled, so a stream closed before or during end() has lost nothing.
    if (writableFinished || (destroyed && errored === null)) return Promise.resolve();
    return this.#settled((done) => {
      this.#onClosed = done;
      this.#stream.end(done);
    });
  }

  destroy(): void {
    this.#stream.destroy();
    this.#break(undefined);
  }

  /** Settles when `run` calls `done`, or rejects when the stream breaks first. */
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
  readonly #toError: (cause: Error) => CtxsyncError;

  /** @param toError the error for a broken stream */
  constructor(stream: Readable, toError = readError) {
    this.#stream = stream;
    this.#toError = toError;
  }

  read(take: (bytes: Uint8Array) => Promise<void> | undefined): Promise<void> {
    const stream = this.#stream;
    const { errored, destroyed, readableEnded } = stream;
    // It has emitted its last event already.
    if (destroyed || readableEnded) {
      const failure = errored === null ? undefined : this.#failure(errored);
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    }
    return new Promise((resolve, reject) => {
      /** While `take` holds a chunk; its end may come meanwhile. */
      let taking: Promise<void> | undefined;
      const fail = (error: unknown): void => {
        stream.pause();
        reject(error);
      };
      stream.on('data', (chunk: Uint8Array | string) => {
        try {
          const pending = take(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
          if (pending === undefined) return;
          stream.pause();
          taking = pending;
          pending.then(() => {
            taking = undefined;
            stream.resume();
          }, fail);
        } catch (error) {
          fail(error);
        }
      });
      stream.on('end', () => {
        if (taking === undefined) resolve();
        else taking.then(resolve, fail);
      });
      stream.on('close', () => {
        if (taking === undefined || !stream.readableEnded) resolve();
      });
      stream.on('error', (error) => {
        const failure = this.#failure(error);
        if (failure === undefined) resolve();
        else reject(failure);
      });
      // An accepted socket is paused until somebody reads.
      stream.resume();
    });
  }

  destroy(): void {
    this.#stream.destroy();
  }

  /** Undefined where the peer is gone, and so is anything it might have sent: that is a normal end. */
  #failure(error: Error): CtxsyncError | undefined {
    return hasLeft(error) ? undefined : this.#toError(error);
  }
}

/**
 * Bytes that libuv holds for a stream. Node has no public API for it, but uses it for the same purpose:
 * to see whether a long write still makes progress (net.Socket's own timeout). A file has none.
 */
function writeQueueBytes(stream: Writable): number | undefined {
  const { _handle: handle } = stream as { _handle?: { writeQueueSize?: unknown } | null };
  const size = handle?.writeQueueSize;
  return typeof size === 'number' ? size : undefined;
}

export function readError(cause: Error): CtxsyncError {
  const message = `cannot read from the peer: ${describeSystemError(cause)}`;
  return new CtxsyncError('truncated', message, { cause });
}

/** For a tar to send: the source fails, not the peer. */
export function inputBroken(cause: Error): CtxsyncError {
  const message = `cannot read the tar: ${describeSystemError(cause)}`;
  return new CtxsyncError('source-unreadable', message, { cause });
}

export function peerGone(cause: Error | undefined): CtxsyncError {
  const why = cause === undefined || hasLeft(cause) ? '' : `: ${describeSystemError(cause)}`;
  const message = `the peer closed the connection before everything was sent${why}`;
  return new CtxsyncError('peer-gone', message, { cause });
}

/** For a received tar: the destination fails, not the peer. */
export function outputBroken(cause: Error | undefined): CtxsyncError {
  if (cause !== undefined && !hasLeft(cause)) return destinationError(cause, 'write', 'the tar');
  return new CtxsyncError('not-writable', 'the reader of the tar closed it before its end');
}

/** A write failed because nobody reads any more. */
export function hasLeft(cause: Error): boolean {
  return GONE.has(errnoOf(cause) ?? '');
}
