import type { BytePath } from './byte-path.ts';

/** The names in a directory, sorted by their bytes: an array, or PackedNames where there are very many. */
export interface Names extends Iterable<BytePath> {
  readonly length: number;
  at(index: number): BytePath | undefined;
}

/** The names in a directory, and which of them are regular files, as far as the directory itself says so. */
export interface Listing {
  readonly names: Names;
  readonly files: ReadonlySet<BytePath>;
}

export const NO_FILES: ReadonlySet<BytePath> = new Set();

/** Whether a name is among them. */
export function hasName(names: Names, name: BytePath): boolean {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const found = names.at(middle)!;
    if (found === name) return true;
    if (found < name) low = middle + 1;
    else high = middle;
  }
  return false;
}

const LENGTH_BYTES = 2;
/** Bytes of one chunk, a power of two; a name lies in one. */
const CHUNK_BITS = 20;
const CHUNK_BYTES = 2 ** CHUNK_BITS;

/** Names packed into chunks of memory: their bytes and 6 more each, where a string takes 30 to 60. */
export class PackedNames implements Names {
  length = 0;
  /** Each name, after its length in bytes. */
  readonly #chunks: Buffer[] = [];
  /** Bytes used of the last chunk. */
  #used = CHUNK_BYTES;
  /** Where each name begins: its chunk, and its position there in the low CHUNK_BITS. */
  #starts = new Uint32Array(4096);

  add(name: BytePath): void {
    if (this.#used + LENGTH_BYTES + name.length > CHUNK_BYTES) {
      this.#chunks.push(Buffer.alloc(CHUNK_BYTES));
      this.#used = 0;
    }
    if (this.length === this.#starts.length) this.#starts = grown(this.#starts);
    const chunk = this.#chunks.at(-1)!;
    this.#starts[this.length++] = (this.#chunks.length - 1) * CHUNK_BYTES + this.#used;
    this.#used = chunk.writeUInt16LE(name.length, this.#used);
    this.#used += chunk.write(name, this.#used, 'latin1');
  }

  sort(): void {
    heapSort(this.#starts.subarray(0, this.length), (one, other) => this.#compare(one, other));
  }

  at(index: number): BytePath | undefined {
    if (index >= this.length) return undefined;
    const start = this.#starts[index]!;
    const from = (start % CHUNK_BYTES) + LENGTH_BYTES;
    const chunk = this.#chunkOf(start);
    return chunk.toString('latin1', from, from + chunk.readUInt16LE(from - LENGTH_BYTES));
  }

  *[Symbol.iterator](): Generator<BytePath> {
    for (let index = 0; index < this.length; index++) yield this.at(index)!;
  }

  #compare(one: number, other: number): number {
    const oneChunk = this.#chunkOf(one);
    const otherChunk = this.#chunkOf(other);
    let at = (one % CHUNK_BYTES) + LENGTH_BYTES;
    let otherAt = (other % CHUNK_BYTES) + LENGTH_BYTES;
    const end = at + oneChunk.readUInt16LE(at - LENGTH_BYTES);
    const otherEnd = otherAt + otherChunk.readUInt16LE(otherAt - LENGTH_BYTES);
    while (at < end && otherAt < otherEnd && oneChunk[at] === otherChunk[otherAt]) {
      at += 1;
      otherAt += 1;
    }
    if (at === end || otherAt === otherEnd) return end - at - (otherEnd - otherAt);
    return oneChunk[at]! - otherChunk[otherAt]!;
  }

  #chunkOf(start: number): Buffer {
    return this.#chunks[start >>> CHUNK_BITS]!;
  }
}

function grown(words: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * words.length);
  larger.set(words);
  return larger;
}

/** In place, where TypedArray.prototype.sort() takes 16 bytes an element meanwhile. */
function heapSort(words: Uint32Array, compare: (one: number, other: number) => number): void {
  for (let root = (words.length >>> 1) - 1; root >= 0; root--) {
    siftDown(words, root, words.length, compare);
  }
  for (let end = words.length - 1; end > 0; end--) {
    const largest = words[0]!;
    words[0] = words[end]!;
    words[end] = largest;
    siftDown(words, 0, end, compare);
  }
}

/** Restores the heap in the first `end` words, of which only the one at `root` may be out of place. */
function siftDown(
  words: Uint32Array,
  root: number,
  end: number,
  compare: (one: number, other: number) => number,
): void {
  const word = words[root]!;
  let at = root;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= end) break;
    if (child + 1 < end && compare(words[child]!, words[child + 1]!) < 0) child += 1;
    if (compare(word, words[child]!) >= 0) break;
    words[at] = words[child]!;
    at = child;
  }
  words[at] = word;
}
