import type { EntryKind, FileIdentity } from '../entry/entry.ts';

const figures = new BigInt64Array(5);
const halves = new Uint32Array(figures.buffer);
/** The prime of 32-bit FNV-1a. */
const PRIME = 0x0100_0193;

/**
 * 32 bits for each entry of a manifest, which a want returns: they identify the listed entry when it is
 * packed, without a list in memory. Another entry has the same stamp with a chance of 1 in 2^32. A
 * directory's stamp does not change with its children: OUT may be inside it.
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
    // FNV works on bytes; here the high bits of a word must affect the low bits, too.
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
