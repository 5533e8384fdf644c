import { DIGEST_BATCH_CHARS } from '../limits.ts';
import { createHash } from 'node:crypto';
import type { EntryKind } from './entry.ts';
import type { BytePath } from '../disk/byte-path.ts';

/**
 * A digest of entries in their order, the kind and path of each: what came is held against what was
 * asked for without a list of either. The kind has to be part of it. What is listed as a directory
 * and sent as a symlink would lead all that was found to be right beneath it out of OUT.
 */
export class EntryDigest {
  readonly #hash = createHash('sha256');
  #batch = '';

  add(kind: EntryKind, path: BytePath): void {
    this.#batch += `${kind} ${path}\0`;
    if (this.#batch.length >= DIGEST_BATCH_CHARS) this.#flush();
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
