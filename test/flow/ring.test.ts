import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { RING_BATCH_BYTES } from '../../src/limits.ts';
import { ringAt } from '../helpers/wire/ring-at.ts';
import { settle, someBytes, until } from '../helpers/wire/harness.ts';

interface Step {
  /** Bytes that the writer tries to write, and the reader tries to read. */
  write: number;
  read: number;
}

const steps = fc.array(fc.record<Step>({ write: fc.nat(40), read: fc.nat(40) }), {
  maxLength: 100,
});

/** Writes and reads in turn, as far as room and bytes allow, and compares. */
function expectOrderKept(ring: Ring, plan: Step[]): void {
  const sent: number[] = [];
  const received: number[] = [];
  for (const { write, read } of plan) {
    const bytes = someBytes(write, sent.length);
    const written = ring.write(bytes);
    expect(written).toBe(Math.min(write, ring.capacity - (sent.length - received.length)));
    sent.push(...bytes.subarray(0, written));
    const piece = ring.readable();
    received.push(...piece.subarray(0, read));
    ring.consumed(Math.min(read, piece.length));
  }
  ring.end();
  for (let rest = ring.readable(); rest.length > 0; rest = ring.readable()) {
    expect(ring.drained).toBe(false);
    received.push(...rest);
    ring.consumed(rest.length);
  }
  expect(ring.drained).toBe(true);
  expect(received).toEqual(sent);
}

test('bytes come out in the order in which they went in, in any slicing', () => {
  fc.assert(
    fc.property(steps, (plan) => expectOrderKept(Ring.create(64), plan)),
    { numRuns: 200 },
  );
});

test('bytes keep their order where the positions wrap at 2^31 and 2^32', () => {
  const capacity = 2 ** 16;
  for (const wrap of [2 ** 31, 2 ** 32]) {
    const ring = ringAt(wrap - 100, capacity);
    expect(ring.writable().length).toBe(100);
    const plan = [150, 7, capacity, capacity, 90].map((write) => ({ write, read: write - 5 }));
    expectOrderKept(ring, plan);
  }
});

test('bytes that were produced in place are published in batches, or by flush', () => {
  const ring = Ring.create(2 * RING_BATCH_BYTES);
  ring.writable().fill(7, 0, 10);
  ring.produced(10);
  expect(ring.readable().length).toBe(0);
  expect(ring.writable().length).toBe(2 * RING_BATCH_BYTES - 10);
  ring.flush();
  expect([...ring.readable()]).toEqual(Array.from({ length: 10 }, () => 7));
  ring.produced(RING_BATCH_BYTES);
  expect(ring.readable().length).toBe(RING_BATCH_BYTES + 10);
});

test('a full ring takes nothing until something was consumed', () => {
  const ring = Ring.create(16);
  expect(ring.write(someBytes(20))).toBe(16);
  expect(ring.write(someBytes(1))).toBe(0);
  ring.consumed(1);
  expect(ring.write(someBytes(2))).toBe(1);
});

test('the end publishes what was produced, and comes after it', () => {
  const ring = Ring.create(16);
  ring.produced(3);
  ring.end();
  expect([ring.readable().length, ring.drained]).toEqual([3, false]);
  ring.consumed(3);
  expect(ring.drained).toBe(true);
});

test('a retired ring is cancelled and empty, whatever happens to its memory', async () => {
  const old = Ring.create(16);
  old.write(someBytes(16));
  const waiting = watch(old.room());
  const ring = Ring.reuse(old.retire());
  await until(() => waiting.settled);
  expect([ring.readable().length, ring.cancelled, ring.ended]).toEqual([0, false, false]);
  expect([old.write(someBytes(3)), old.cancelled, old.drained]).toEqual([0, true, true]);
  expect(ring.write(someBytes(5, 1))).toBe(5);
  expect([...ring.readable()]).toEqual([...someBytes(5, 1)]);
  expect(old.readable().length).toBe(0);
});

test.each([0, 3, 100, 2 ** 31])('a capacity of %i is refused', (capacity) => {
  expect(() => Ring.create(capacity)).toThrow(RangeError);
});

/** Whether a wait has settled yet. */
function watch(wait: Promise<void>): { settled: boolean } {
  const watched = { settled: false };
  void wait.then(() => (watched.settled = true));
  return watched;
}

describe('on the main thread', () => {
  test('room() waits while the ring is full, until a quarter is free', async () => {
    const ring = Ring.create(16);
    ring.write(someBytes(16));
    const waiting = watch(ring.room());
    await settle();
    expect(waiting.settled).toBe(false);
    for (let byte = 0; byte < 3; byte++) ring.consumed(1);
    await settle();
    expect(waiting.settled).toBe(false);
    ring.consumed(1);
    await until(() => waiting.settled);
  });

  test('room() does not wait for a quarter when a byte is free', async () => {
    const ring = Ring.create(16);
    ring.write(someBytes(16));
    ring.consumed(1);
    const waiting = watch(ring.room());
    await settle();
    expect(waiting.settled).toBe(true);
  });

  test('room() publishes what was produced, because nobody could make room otherwise', async () => {
    const ring = Ring.create(16);
    ring.produced(16);
    const waiting = watch(ring.room());
    expect(ring.readable().length).toBe(16);
    ring.consumed(16);
    await until(() => waiting.settled);
  });

  test('data() waits while the ring is empty, and for no longer', async () => {
    const ring = Ring.create(16);
    const waiting = watch(ring.data());
    await settle();
    expect(waiting.settled).toBe(false);
    ring.write(someBytes(1));
    await until(() => waiting.settled);
    await ring.data();
  });

  test('the end wakes the reader', async () => {
    const ring = Ring.create(16);
    const waiting = watch(ring.data());
    ring.end();
    await until(() => waiting.settled);
  });

  test('cancel wakes both sides, and nobody waits afterwards', async () => {
    const full = Ring.create(16);
    full.write(someBytes(16));
    const empty = Ring.create(16);
    const waits = [watch(full.room()), watch(empty.data())];
    full.cancel();
    empty.cancel();
    await until(() => waits.every(({ settled }) => settled));
    await Promise.all([full.room(), empty.data()]);
    expect([full.cancelled, empty.cancelled]).toEqual([true, true]);
  });
});
