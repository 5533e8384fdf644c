import { toText, type BytePath } from '../disk/byte-path.ts';
import { CtxsyncError, type Remedy } from '../errors.ts';

/**
 * The limits of a transfer, shared by all of its streams and the threads that unpack them. A size counts
 * as soon as it is declared: content over the limit is refused before its first byte.
 */
export class Budget {
  readonly shared: BigInt64Array<SharedArrayBuffer>;

  /** @param limits whole numbers. @throws CtxsyncError usage */
  static create(limits: { maxEntries: number; maxBytes: number }): Budget {
    for (const [limit, value] of Object.entries(limits)) {
      if (Number.isInteger(value) && value >= 0) continue;
      throw new CtxsyncError('usage', `${limit} is not a whole number from 0 up: ${value}`);
    }
    const shared = new BigInt64Array(new SharedArrayBuffer(32));
    shared[MAX_ENTRIES] = BigInt(limits.maxEntries);
    shared[MAX_BYTES] = BigInt(limits.maxBytes);
    return new Budget(shared);
  }

  static unlimited(): Budget {
    return Budget.create({
      maxEntries: Number.MAX_SAFE_INTEGER,
      maxBytes: Number.MAX_SAFE_INTEGER,
    });
  }

  constructor(shared: BigInt64Array<SharedArrayBuffer>) {
    this.shared = shared;
  }

  /** @throws CtxsyncError over-limit */
  charge(bytes: number, path: BytePath): void {
    this.#add(ENTRIES, 1n, MAX_ENTRIES, 'entries', 'max-entries', path);
    this.#add(BYTES, BigInt(bytes), MAX_BYTES, 'bytes', 'max-bytes', path);
  }

  #add(
    at: number,
    count: bigint,
    limitAt: number,
    unit: string,
    remedy: Remedy,
    path: BytePath,
  ): void {
    const limit = this.shared[limitAt]!;
    if (Atomics.add(this.shared, at, count) + count <= limit) return;
    const text = toText(path);
    throw new CtxsyncError(
      'over-limit',
      `the context has more than ${limit} ${unit}; stopped at ${text}`,
      { path: text, remedy },
    );
  }
}

const ENTRIES = 0;
const BYTES = 1;
const MAX_ENTRIES = 2;
const MAX_BYTES = 3;
