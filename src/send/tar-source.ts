import type { Ring } from '../flow/ring.ts';
import type { Incoming } from '../transport/transport.ts';
import { Gunzip } from './gunzip.ts';
import { PendingTimer } from '../transfer/pending-timer.ts';
import type { Input } from './input.ts';
import { FORMAT_BYTES, isGzip } from './tar-format.ts';
import { writeToRing } from './write-to-ring.ts';

/** Reads the tar of `send -`, plain or gzip, into a ring. */
export class TarSource implements Input {
  readonly what = 'the tar';
  /** Bytes that have arrived so far. */
  bytes = 0;
  readonly #from: Incoming;
  readonly #ring: Ring;
  #gunzip: Gunzip | undefined;
  readonly #reading = new PendingTimer();
  /** Bytes that arrived before the format was recognized; undefined from then on. */
  #head: Buffer | undefined = Buffer.alloc(0);

  constructor(from: Incoming, ring: Ring) {
    this.#from = from;
    this.#ring = ring;
  }

  /** Settles when all of it is in the ring. @throws CtxsyncError source-unreadable */
  async run(): Promise<void> {
    this.#reading.begin();
    await this.#from.read((bytes) => this.#take(bytes));
    this.#reading.end();
    if (this.#head !== undefined) await this.#begin(this.#head);
    await this.#gunzip?.end();
    this.#ring.end();
  }

  destroy(): void {
    this.#from.destroy();
    this.#gunzip?.destroy();
  }

  /** Milliseconds spent waiting for bytes; undefined when not waiting. */
  silentMs(now: number): number | undefined {
    return this.#reading.ms(now);
  }

  #take(bytes: Uint8Array): Promise<void> | undefined {
    this.bytes += bytes.length;
    const pending = this.#head === undefined ? this.#pass(bytes) : this.#look(this.#head, bytes);
    if (pending === undefined) {
      this.#reading.begin();
      return undefined;
    }
    this.#reading.end();
    return pending.then(() => {
      this.#reading.begin();
    });
  }

  /** A pipe may deliver one byte at a time. */
  #look(before: Buffer, bytes: Uint8Array): Promise<void> | undefined {
    this.#head = Buffer.concat([before, bytes]);
    return this.#head.length < FORMAT_BYTES ? undefined : this.#begin(this.#head);
  }

  #begin(head: Buffer): Promise<void> | undefined {
    this.#head = undefined;
    if (isGzip(head.subarray(0, FORMAT_BYTES))) {
      this.#gunzip = new Gunzip((bytes) => writeToRing(this.#ring, bytes));
    }
    return this.#pass(head);
  }

  #pass(bytes: Uint8Array): Promise<void> | undefined {
    return this.#gunzip === undefined ? writeToRing(this.#ring, bytes) : this.#gunzip.write(bytes);
  }
}
