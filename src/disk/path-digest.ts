import { createHash } from 'node:crypto';
import type { BytePath } from './byte-path.ts';

/** Bytes that are gathered before they are hashed: a call for each path would cost more than it. */
const BATCH_BYTES = 16 * 1024;

/** A digest of paths in their order: two sides hold lists against each other without keeping them. */
export class PathDigest {
  readonly #hash = createHash('sha256');
  #batch = '';

  add(path: BytePath): void {
    this.#batch += `${path}\0`;
    if (this.#batch.length >= BATCH_BYTES) this.#flush();
  }

  /** In hexadecimal digits. To be called once. */
  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    this.#hash.update(this.#batch, 'latin1');
    this.#batch = '';
  }
}
