import type { EntryKind, FileIdentity } from '../entry/entry.ts';

const figures = new BigInt64Array(5);
const halves = new Uint32Array(figures.buffer);
/** The prime of FNV-1a with 32 bits. */
const PRIME = 0x0100_0193;

/**
 * 32 bits that a manifest has of each entry and a want brings back: whoever packs the entry
 * recognizes by them what was listed, without a list in memory. That another entry has the same by
 * chance is one in 2^32. Of a directory they stay the same when its children change: OUT may lie in it.
 */
export function stampOf(kind: EntryKind, identity: FileIdentity): number {
  figures[0] = identity.dev;
  figures[1] = identity.ino;
  figures[2] = identity.birthtimeNs;
  figures[3] = kind === 'directory' ? 0n : identity.size;
  figures[4] = kind === 'directory' ? 0n : identity.mtimeNs;
  let hash = 0;
  for (let at = 0; at < halves.length; at++) {
    hash = Math.imul(hash ^ halves[at]!, PRIME);
    // FNV takes bytes; a whole word has to reach the low bits, too.
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
