import { createGunzip } from 'node:zlib';
import { CtxsyncError } from '../errors.ts';

/** Receives decompressed bytes. Nothing more is decompressed while its promise is pending. */
export type Deliver = (bytes: Uint8Array) => Promise<void> | undefined;

/**
 * Decompresses consecutive gzips, with zeros between and after them, as tapes and dd pad them. Node's
 * own stream reads several too, but silently stops at the first such zero.
 */
export class Gunzip {
  readonly #deliver: Deliver;
  #run: GzipRun | undefined;

  constructor(deliver: Deliver) {
    this.#deliver = deliver;
  }

  /**
   * Settles when all bytes were taken; they must stay unchanged until then.
   * @throws CtxsyncError source-unreadable
   */
  async write(bytes: Uint8Array): Promise<void> {
    for (let left = bytes; left.length > 0;) {
      const run = this.#run;
      if (run === undefined) {
        left = withoutZeros(left);
        if (left.length > 0) this.#run = new GzipRun(this.#deliver);
      } else {
        left = await run.write(left);
        if (left.length > 0) this.#run = undefined;
      }
    }
  }

  /** Ends the input. @throws CtxsyncError source-unreadable */
  async end(): Promise<void> {
    await this.#run?.end();
  }

  destroy(): void {
    this.#run?.destroy();
  }
}

/** What Node's stream can read in one go: gzips without zeros between them. */
class GzipRun {
  readonly #stream = createGunzip();
  readonly #delivered: Promise<void>;

  constructor(deliver: Deliver) {
    this.#delivered = this.#deliverAll(deliver);
    this.#delivered.catch(() => {}); // write() and end() report it
  }

  /** @returns the bytes after the run; empty if the run may continue */
  async write(bytes: Uint8Array): Promise<Uint8Array> {
    const before = this.#stream.bytesWritten;
    const written = new Promise((resolve) => this.#stream.write(bytes, resolve));
    await Promise.race([written, this.#delivered]);
    const taken = this.#stream.bytesWritten - before;
    // The run has ended or failed.
    if (taken < bytes.length) await this.#delivered;
    return bytes.subarray(taken);
  }

  async end(): Promise<void> {
    this.#stream.end();
    await this.#delivered;
  }

  destroy(): void {
    this.#stream.destroy();
  }

  async #deliverAll(deliver: Deliver): Promise<void> {
    try {
      for await (const chunk of this.#stream) await deliver(chunk as Uint8Array);
    } catch (error) {
      throw damaged(error);
    }
  }
}

function damaged(error: unknown): CtxsyncError {
  const why = error instanceof Error ? error.message : String(error);
  // The first gzip was recognized by its header: this is about the data after a gzip.
  const what =
    why === 'incorrect header check'
      ? 'is followed by data that is neither a gzip nor zeros; cut it off, or send it separately'
      : `is damaged: ${why}`;
  return new CtxsyncError('source-unreadable', `the gzip ${what}`, { cause: error });
}

function withoutZeros(bytes: Uint8Array): Uint8Array {
  const at = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(at < 0 ? bytes.length : at);
}
