import { constants, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { errnoOf } from '../disk/errno.ts';
import { STDERR_RETRY_MS } from '../limits.ts';
import {
  isChangedByUs,
  isNonBlocking,
  isPipeOrSocket,
  reopenPipe,
  setBlocking,
} from './shared-descriptor.ts';

const STDERR = 2;

/**
 * A stderr that never blocks us and stays unchanged for all that share it, such as the commands of a CI
 * job or of `make -j`.
 * @returns undefined for a terminal, which libuv reopens, and for a file: process.stderr is right for
 *   both
 */
export function openStderr(): Writable | undefined {
  if (!isPipeOrSocket(STDERR)) return undefined;
  const own = reopenPipe(STDERR, constants.O_WRONLY);
  if (own !== undefined) return new Socket({ fd: own, readable: false, writable: true });
  return new SharedStderr();
}

/**
 * For a socket, or a pipe that cannot be reopened: non-blocking for the microseconds of each write.
 * Bytes that find no room are retried later.
 */
class SharedStderr extends Writable {
  readonly #handle: Socket;

  constructor() {
    super({ decodeStrings: true });
    const wasBlocking = !isNonBlocking(STDERR) && !isChangedByUs(STDERR);
    this.#handle = new Socket({ fd: STDERR, readable: false, writable: true });
    this.#handle.unref();
    if (wasBlocking) setBlocking(this.#handle, true);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#writeAll(chunk, done);
  }

  #writeAll(chunk: Buffer, done: (error?: Error) => void): void {
    let written: number;
    try {
      written = this.#writeNow(chunk);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (written === chunk.length) done();
    else {
      const rest = chunk.subarray(written);
      setTimeout(() => this.#writeAll(rest, done), STDERR_RETRY_MS);
    }
  }

  /** @returns bytes written */
  #writeNow(chunk: Buffer): number {
    // Another process, or our own stdin on the same socket, may want it non-blocking.
    const blocking = !isNonBlocking(STDERR) && !isChangedByUs(STDERR);
    if (blocking) setBlocking(this.#handle, false);
    try {
      return writeSync(STDERR, chunk);
    } catch (error) {
      if (errnoOf(error) === 'EAGAIN') return 0;
      throw error;
    } finally {
      if (blocking) setBlocking(this.#handle, true);
    }
  }
}
