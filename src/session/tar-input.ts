import { once } from 'node:events';
import { createGunzip, type Gunzip } from 'node:zlib';
import { CtxsyncError } from '../errors.ts';
import type { Ring } from '../flow/ring.ts';
import type { Incoming } from '../transport/transport.ts';
import { Pending } from './pending.ts';
import { writeToRing } from './write-to-ring.ts';

/** First bytes of what a tar may be compressed with. Only gzip is taken, as by `docker load`. */
const COMPRESSIONS: { name: string; magic: number[] }[] = [
  { name: 'gzip', magic: [0x1f, 0x8b] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
];

/** The tar of `send -`, plain or gzip, on its way into a ring. */
export class TarInput {
  readonly #from: Incoming;
  readonly #ring: Ring;
  #gunzip: Gunzip | undefined;
  readonly #reading = new Pending();
  #first = true;

  constructor(from: Incoming, ring: Ring) {
    this.#from = from;
    this.#ring = ring;
  }

  /** Settles when all of it is in the ring. @throws CtxsyncError source-unreadable */
  async run(): Promise<void> {
    this.#reading.begin();
    await this.#from.read((bytes) => this.#take(bytes));
    this.#reading.end();
    if (this.#gunzip === undefined) return this.#ring.end();
    this.#gunzip.end();
    await this.#unzipped;
  }

  destroy(): void {
    this.#from.destroy();
    this.#gunzip?.destroy();
  }

  /** Milliseconds for which we have waited for bytes; undefined when we do not. */
  silentMs(now: number): number | undefined {
    return this.#reading.ms(now);
  }

  #unzipped: Promise<void> = Promise.resolve();

  #take(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#first) this.#begin(bytes);
    this.#first = false;
    const pending =
      this.#gunzip === undefined ? writeToRing(this.#ring, bytes) : this.#unzip(bytes);
    if (pending === undefined) {
      this.#reading.begin();
      return undefined;
    }
    this.#reading.end();
    return pending.then(() => {
      this.#reading.begin();
    });
  }

  #begin(bytes: Uint8Array): void {
    const found = COMPRESSIONS.find(({ magic }) => magic.every((byte, i) => bytes[i] === byte));
    if (found === undefined) return;
    if (found.name !== 'gzip') {
      throw new CtxsyncError(
        'source-unreadable',
        `the tar on stdin is compressed with ${found.name}; only plain and gzip are read, so decompress it first`,
      );
    }
    this.#gunzip = createGunzip();
    this.#unzipped = this.#readUnzipped(this.#gunzip);
    this.#unzipped.catch(() => {}); // run() and #unzip() see it
  }

  /** What is read lies in a buffer that is used again: the decompressor gets a copy. */
  async #unzip(bytes: Uint8Array): Promise<void> {
    const gunzip = this.#gunzip!;
    if (gunzip.write(Buffer.from(bytes))) return;
    await Promise.race([once(gunzip, 'drain'), this.#unzipped]);
  }

  async #readUnzipped(gunzip: Gunzip): Promise<void> {
    try {
      for await (const chunk of gunzip) await writeToRing(this.#ring, chunk as Uint8Array);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CtxsyncError('source-unreadable', `the gzip on stdin is damaged: ${why}`, {
        cause: error,
      });
    }
    this.#ring.end();
  }
}
