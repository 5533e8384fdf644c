import { DIGEST_BATCH_CHARS } from '../limits.ts';
import { createHash } from 'node:crypto';
import type { EntryKind } from './entry.ts';
import type { BytePath } from '../disk/byte-path.ts';

/**
 * A digest of the kind and path of each entry, in order. It compares the entries received with those
 * requested, without a list of either. The kind must be included: if an entry listed as a directory
 * were sent as a symlink, the unchanged entries beneath it would end up outside OUT.
 */
export class EntryDigest {
  readonly #hash = createHash('sha256');
  #batch = '';

  add(kind: EntryKind, path: BytePath): void {
    this.#batch += `${kind} ${path}\0`;
    if (this.#batch.length >= DIGEST_BATCH_CHARS) this.#flush();
  }

  /** Returns hexadecimal digits. Call it only once. */
  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    this.#hash.update(this.#batch, 'latin1');
    this.#batch = '';
  }
}
