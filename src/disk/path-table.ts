import { randomBytes } from 'node:crypto';
import type { BytePath } from './byte-path.ts';
import { KeyedHash } from './keyed-hash.ts';

/** Words of a slot: a digest, with the value in two bits of the last. A value is never 0, so 0 is free. */
const WORDS = 3;
const VALUE_BITS = 0b11;
/** Segments grow one at a time: a single table would need twice its memory while it grows. */
const SEGMENTS = 256;
const FIRST_SLOTS = 8;
/** A quarter stays free, so that a probe soon finds a free slot. */
const FULL = 0.75;
const GROWTH = 1.5;

/**
 * A small value for each of many paths, in MAX_TABLE_BYTES_PER_ENTRY however long the path is: only its
 * digest is stored. The digest has 94 bits and a secret key, so nobody can choose two paths that collide;
 * by chance, two of 4 million collide with a probability of 1 in 10^15.
 */
export class PathTable {
  readonly #one = new KeyedHash(randomBytes(8));
  readonly #other = new KeyedHash(randomBytes(8));
  readonly #segments: (Segment | undefined)[] = Array.from({ length: SEGMENTS });
  /** Of the current path. */
  readonly #digest = new Int32Array(WORDS);
  /** The directory whose digest is cached, as the next path is likely to be in it too. */
  #directory: BytePath = '';
  readonly #directoryDigest = new Int32Array(WORDS);

  /** Bytes of all slots, free ones included. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + (segment?.slots.byteLength ?? 0), 0);
  }

  /** The value of a path; 0 when it has none. */
  get(path: BytePath): number {
    const segment = this.#segments[this.#segmentOf(path)];
    if (segment === undefined) return 0;
    return segment.slots[slotOf(segment.slots, this.#digest) + 2]! & VALUE_BITS;
  }

  /**
   * @param value 1 to 3
   * @returns the value that it had; 0 when it had none
   */
  set(path: BytePath, value: number): number {
    const at = this.#segmentOf(path);
    let segment = (this.#segments[at] ??= { slots: new Int32Array(FIRST_SLOTS * WORDS), used: 0 });
    if ((segment.used + 1) * WORDS > segment.slots.length * FULL) {
      this.#segments[at] = segment = grown(segment);
    }
    const before = insert(segment.slots, this.#digest, value);
    if (before === 0) segment.used += 1;
    return before;
  }

  /** Leaves the path's digest in `#digest`. */
  #segmentOf(path: BytePath): number {
    const slash = path.lastIndexOf('/');
    const directory = slash < 0 ? '' : path.slice(0, slash);
    if (directory !== this.#directory) this.#enter(directory);
    this.#hash(this.#directoryDigest, slash < 0 ? path : path.slice(slash + 1), this.#digest);
    return this.#digest[2]! >>> 24;
  }

  /** A directory's digest is made from its name and its parent's digest. */
  #enter(directory: BytePath): void {
    const digest = this.#directoryDigest.fill(0);
    if (directory !== '') for (const name of directory.split('/')) this.#hash(digest, name, digest);
    this.#directory = directory;
  }

  #hash(directory: Int32Array, name: BytePath, digest: Int32Array): void {
    this.#one.update(directory, name);
    this.#other.update(directory, name);
    digest[0] = this.#one.low;
    digest[1] = this.#one.high;
    digest[2] = this.#other.low & ~VALUE_BITS;
  }
}

interface Segment {
  slots: Int32Array;
  used: number;
}

/** Index of the digest's slot, or of the free slot for it. */
function slotOf(slots: Int32Array, digest: Int32Array): number {
  const first = digest[0]!;
  const second = digest[1]!;
  const third = digest[2]!;
  let at = ((first >>> 0) % (slots.length / WORDS)) * WORDS;
  for (;;) {
    const last = slots[at + 2]!;
    if (last === 0) return at;
    if ((last & ~VALUE_BITS) === third && slots[at] === first && slots[at + 1] === second)
      return at;
    at += WORDS;
    if (at === slots.length) at = 0;
  }
}

/** @returns the value that the digest had, or 0 */
function insert(slots: Int32Array, digest: Int32Array, value: number): number {
  const at = slotOf(slots, digest);
  const before = slots[at + 2]! & VALUE_BITS;
  slots[at] = digest[0]!;
  slots[at + 1] = digest[1]!;
  slots[at + 2] = digest[2]! | value;
  return before;
}

function grown({ slots, used }: Segment): Segment {
  const larger = new Int32Array(Math.ceil((slots.length / WORDS) * GROWTH) * WORDS);
  const digest = new Int32Array(WORDS);
  for (let at = 0; at < slots.length; at += WORDS) {
    const last = slots[at + 2]!;
    if (last === 0) continue;
    digest[0] = slots[at]!;
    digest[1] = slots[at + 1]!;
    digest[2] = last & ~VALUE_BITS;
    insert(larger, digest, last & VALUE_BITS);
  }
  return { slots: larger, used };
}
