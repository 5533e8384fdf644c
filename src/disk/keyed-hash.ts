import type { BytePath } from './byte-path.ts';

/**
 * HalfSipHash-2-4 with 64 bits of output (J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast
 * short-input PRF", and its reference code): made for tables whose keys an attacker chooses. In
 * JavaScript, because a call into node:crypto costs more than hashing a name here.
 *
 * The message is 12 bytes, as three little-endian words, and then a path: the digest of a directory
 * begins the message for each entry in it, so that no path is hashed twice.
 */
export class KeyedHash {
  readonly #key0: number;
  readonly #key1: number;
  /** Output for the last message: the first four bytes, as a little-endian word, and the others. */
  low = 0;
  high = 0;

  /** @param key 8 bytes */
  constructor(key: Buffer) {
    this.#key0 = key.readInt32LE(0);
    this.#key1 = key.readInt32LE(4);
  }

  /** @param prefix three words */
  update(prefix: Int32Array, path: BytePath): void {
    let v0 = this.#key0;
    let v1 = this.#key1 ^ 0xee;
    let v2 = this.#key0 ^ 0x6c796765;
    let v3 = this.#key1 ^ 0x74656462;
    // A function for a round would have to return four values, so rounds are inlined in one loop.
    const words = 3 + (path.length >>> 2);
    for (let at = 0; at <= words + 2; at++) {
      let rounds = 2;
      let word = 0;
      if (at < 3) word = prefix[at]!;
      else if (at < words) word = wordAt(path, (at - 3) << 2);
      else if (at === words) word = lastWord(path);
      else {
        // The finalization, once for each half of the output and without a word of the message.
        rounds = 4;
        if (at === words + 1) v2 ^= 0xee;
        else {
          this.low = v1 ^ v3;
          v1 ^= 0xdd;
        }
      }
      v3 ^= word;
      for (let round = 0; round < rounds; round++) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= word;
    }
    this.high = v1 ^ v3;
  }
}

function wordAt(path: BytePath, at: number): number {
  return (
    path.charCodeAt(at) |
    (path.charCodeAt(at + 1) << 8) |
    (path.charCodeAt(at + 2) << 16) |
    (path.charCodeAt(at + 3) << 24)
  );
}

/** The remaining bytes, and the message length in the highest byte. */
function lastWord(path: BytePath): number {
  let word = (12 + path.length) << 24;
  const from = path.length & ~3;
  for (let at = from; at < path.length; at++) word |= path.charCodeAt(at) << ((at - from) << 3);
  return word;
}
