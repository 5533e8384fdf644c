import type { Ring } from '../flow/ring.ts';

/** Reads a ring to its end and discards the bytes, so that its writer does not wait for ever. */
export async function drain(ring: Ring): Promise<void> {
  while (!ring.drained && !ring.cancelled) {
    await ring.data();
    for (let bytes = ring.readable(); bytes.length > 0; bytes = ring.readable()) {
      ring.consumed(bytes.length);
    }
  }
}
