import { toText, type BytePath } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_PAX_BYTES } from '../limits.ts';
import { readAll, type ByteSource } from '../entry/byte-io.ts';
import { BLOCK_BYTES } from './header-block.ts';
import { paddingBytes } from './tar-header.ts';

/**
 * Reads one archive, or several in a row, block by block. Tracks the position and the ends of the
 * archives.
 *
 * @throws CtxsyncError source-unreadable if bytes are missing
 */
export class TarBlocks {
  /** The last block read. */
  readonly block = Buffer.alloc(BLOCK_BYTES);
  /** Zero blocks skipped before it. Two certainly end an archive; one does not. */
  zeroBlocks = 0;
  readonly #source: ByteSource;
  #at = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Bytes read so far. */
  get at(): number {
    return this.#at;
  }

  /**
   * Advances to the next block that is not all zeros.
   * @returns false if the bytes end after zeros, as required
   */
  nextHeader(): boolean {
    for (this.zeroBlocks = 0; ; this.zeroBlocks++) {
      const count = this.#fill(this.block);
      const atEnd = count < BLOCK_BYTES;
      if (atEnd && this.#at === 0) throw this.broken('is empty');
      if (atEnd && this.zeroBlocks === 0) {
        throw this.broken('ends without an end-of-archive marker');
      }
      const isZeros = this.block[0] === 0 && isZero(this.block.subarray(0, count));
      if (atEnd && !isZeros) throw this.noHeader(count);
      if (atEnd) return false;
      if (!isZeros) return true;
    }
  }

  /** Reads the next block, whatever it contains, over the last one. */
  nextBlock(path: BytePath): Buffer {
    if (this.#fill(this.block) < BLOCK_BYTES) throw this.#endsIn(path);
    return this.block;
  }

  /** The content of a header about the next member. Its declared size is not trusted. */
  text(size: number): string {
    if (!(size <= MAX_PAX_BYTES)) {
      throw this.broken(
        `has a header of ${size} bytes before byte ${this.#at}; the limit is ${MAX_PAX_BYTES}`,
      );
    }
    const bytes = Buffer.allocUnsafe(size);
    if (this.#fill(bytes) < size) throw this.broken('ends in the middle of a header');
    this.skip(paddingBytes(size), '');
    return bytes.toString('latin1');
  }

  /** Content of a member, in place: what is available at once, at most `limit` bytes. */
  peek(limit: number, path: BytePath): Uint8Array {
    const bytes = this.#source.peek();
    if (bytes.length === 0) throw this.#endsIn(path);
    return bytes.length > limit ? bytes.subarray(0, limit) : bytes;
  }

  consumed(count: number): void {
    this.#source.consumed(count);
    this.#at += count;
  }

  skip(count: number, path: BytePath): void {
    for (let left = count; left > 0;) {
      const { length } = this.peek(left, path);
      this.consumed(length);
      left -= length;
    }
  }

  /** The error when the last block, of `count` bytes, is not a header. */
  noHeader(count = BLOCK_BYTES): CtxsyncError {
    const at = this.#at - count;
    if (this.zeroBlocks === 0) return this.broken(`has no tar header at byte ${at}`);
    return this.broken(
      `continues at byte ${at}, after its end, with data that is not a tar; cut it off, or send it separately`,
    );
  }

  broken(what: string): CtxsyncError {
    return new CtxsyncError('source-unreadable', `the tar ${what}`);
  }

  #endsIn(path: BytePath): CtxsyncError {
    return this.broken(`ends in the middle of ${path === '' ? 'a header' : toText(path)}`);
  }

  #fill(target: Buffer): number {
    const count = readAll(this.#source, target);
    this.#at += count;
    return count;
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
