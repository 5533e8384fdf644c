import { Ring } from '../../../src/flow/ring.ts';

/** A ring whose positions are `position`, because that many bytes passed through. */
export function ringAt(position: number, capacity: number): Ring {
  const ring = Ring.create(capacity);
  for (let left = position; left > 0;) {
    const count = Math.min(left, ring.writable().length);
    ring.produced(count);
    ring.flush();
    ring.consumed(count);
    left -= count;
  }
  return ring;
}
