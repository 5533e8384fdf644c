import type { Ring } from '../flow/ring.ts';

/**
 * Puts all of `bytes` into the ring. undefined: done at once. A promise: the ring is full; until it
 * settles the bytes must stay unchanged. What comes for a cancelled ring is discarded.
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
