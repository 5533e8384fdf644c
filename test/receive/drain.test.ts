import { describe, expect, it } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { drain } from '../../src/receive/drain.ts';

const CAPACITY = 1024;

describe('draining a ring', () => {
  it('ends when the ring ends, whether it was empty or not', async () => {
    for (const count of [0, 1, CAPACITY]) {
      const ring = Ring.create(CAPACITY);
      ring.write(new Uint8Array(count));
      ring.end();
      await drain(ring);
      expect(ring.drained).toBe(true);
    }
  });

  it('takes everything that comes, so that the writer never waits for ever', async () => {
    const ring = Ring.create(CAPACITY);
    const draining = drain(ring);
    let written = 0;
    while (written < 100 * CAPACITY) {
      await ring.room();
      written += ring.write(new Uint8Array(CAPACITY - 7));
    }
    ring.end();
    await draining;
    expect(ring.head).toBe(written);
  });

  it('continues as long as the writer does', async () => {
    const ring = Ring.create(CAPACITY);
    let ended = false;
    const draining = drain(ring).then(() => (ended = true));
    ring.write(new Uint8Array(10));
    await ring.consumption(ring.head - CAPACITY / 4 + 10);
    expect(ended).toBe(false);
    ring.end();
    await draining;
  });

  it('ends when the ring is cancelled, before and while it waits', async () => {
    const given = Ring.create(CAPACITY);
    given.write(new Uint8Array(10));
    given.cancel();
    await drain(given);
    const ring = Ring.create(CAPACITY);
    const draining = drain(ring);
    ring.cancel();
    await draining;
    expect(ring.drained).toBe(false);
  });
});
