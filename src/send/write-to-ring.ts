import type { Ring } from '../flow/ring.ts';

/**
 * Puts all of `bytes` into the ring. Returns undefined when done at once, or a promise when the ring is
 * full: the bytes must stay unchanged until it settles. Bytes for a cancelled ring are discarded.
 */
export function writeToRing(ring: Ring, bytes: Uint8Array): Promise<void> | undefined {
  const count = ring.write(bytes);
  return count === bytes.length ? undefined : writeRest(ring, bytes.subarray(count));
}

async function writeRest(ring: Ring, bytes: Uint8Array): Promise<void> {
  let left = bytes;
  while (left.length > 0 && !ring.cancelled) {
    await ring.room();
    left = left.subarray(ring.write(left));
  }
}
