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

const LONGEST_MAGIC = Math.max(...COMPRESSIONS.map(({ magic }) => magic.length));

/** The tar of `send -`, plain or gzip, on its way into a ring. */
export class TarInput {
  /** That came so far. */
  bytes = 0;
  readonly #from: Incoming;
  readonly #ring: Ring;
  #gunzip: Gunzip | undefined;
  #unzipped: Promise<void> = Promise.resolve();
  #unzippedAll = false;
  /** Wakes who waits for the decompressor: when it takes more, and when it will not any more. */
  #goOn = (): void => {};
  readonly #reading = new Pending();
  /** What came as long as it was not known what it is; undefined since it is. */
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

  /** A pipe may give a byte at a time. */
  #look(before: Buffer, bytes: Uint8Array): Promise<void> | undefined {
    this.#head = Buffer.concat([before, bytes]);
    return this.#head.length < LONGEST_MAGIC ? undefined : this.#begin(this.#head);
  }

  #begin(head: Buffer): Promise<void> | undefined {
    this.#head = undefined;
    const found = COMPRESSIONS.find(({ magic }) => magic.every((byte, i) => head[i] === byte));
    if (found?.name === 'gzip') {
      this.#gunzip = createGunzip();
      this.#gunzip.on('drain', () => this.#goOn());
      this.#unzipped = this.#readUnzipped(this.#gunzip);
      this.#unzipped.catch(() => {}); // run() and #unzip() see it
    } else if (found !== undefined) {
      throw new CtxsyncError(
        'source-unreadable',
        `the tar on stdin is compressed with ${found.name}; only plain and gzip are read, so decompress it first`,
      );
    }
    return this.#pass(head);
  }

  #pass(bytes: Uint8Array): Promise<void> | undefined {
    return this.#gunzip === undefined
      ? writeToRing(this.#ring, bytes)
      : this.#unzip(this.#gunzip, bytes);
  }

  /** What is read lies in a buffer that is used again: the decompressor gets a copy. */
  async #unzip(gunzip: Gunzip, bytes: Uint8Array): Promise<void> {
    if (!this.#unzippedAll && !gunzip.write(Buffer.from(bytes))) {
      await new Promise<void>((resolve) => (this.#goOn = resolve));
    }
    // It failed; or what follows the end of a gzip is dropped.
    if (this.#unzippedAll) await this.#unzipped;
  }

  async #readUnzipped(gunzip: Gunzip): Promise<void> {
    try {
      for await (const chunk of gunzip) await writeToRing(this.#ring, chunk as Uint8Array);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CtxsyncError('source-unreadable', `the gzip on stdin is damaged: ${why}`, {
        cause: error,
      });
    } finally {
      this.#unzippedAll = true;
      this.#goOn();
    }
    this.#ring.end();
  }
}
