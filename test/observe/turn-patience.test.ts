import { describe, expect, test } from 'vitest';
import { MIN_TURN_BYTES_PER_SECOND } from '../../src/limits.ts';
import type { Movement } from '../../src/observe/movement.ts';
import { TurnPatience } from '../../src/observe/turn-patience.ts';

const TICK_MS = 100;
const STALL_AFTER_MS = 10_000;
const STALL_TIMEOUT_MS = 300_000;
const LONG_MS = 4 * 60 * 60 * 1_000;

/** What the holder of the turn does, at each moment. */
type Holder = (now: number) => Partial<Movement>;

/** After how many milliseconds the holder must give up its turn, and why; undefined: it keeps it. */
function spentBy(holder: Holder, options: { stallAfterMs?: number; stallTimeoutMs?: number } = {}) {
  const patience = new TurnPatience({
    stallAfterMs: STALL_AFTER_MS,
    stallTimeoutMs: STALL_TIMEOUT_MS,
    ...options,
    startedAt: 0,
  });
  const still: Movement = { payloadBytes: 0, diskWork: 0, claims: 0, busy: false, queued: false };
  for (let now = TICK_MS; now <= LONG_MS; now += TICK_MS) {
    patience.tick(now, { ...still, ...holder(now) });
    if (patience.spent !== undefined) return { atMs: now, why: patience.spent };
  }
  return undefined;
}

/** Grows by `step` every `everyMs`. */
const each =
  (everyMs: number, step = 1) =>
  (now: number) =>
    Math.floor(now / everyMs) * step;
const beats = each(1_000);

describe('a sender whose turn others wait for', () => {
  test('loses it after --stall-after when nothing moves', () => {
    expect(spentBy(() => ({}))).toEqual({ atMs: 10_000, why: 'nothing moved for 10s' });
  });

  test('loses it after --stall-timeout when it sends only beats, though its counters rise', () => {
    expect(spentBy((now) => ({ claims: beats(now) }))).toEqual({
      atMs: STALL_TIMEOUT_MS,
      why: `less than ${MIN_TURN_BYTES_PER_SECOND} bytes a second arrived for 5m 0s`,
    });
  });

  test('loses it soon after that when it sends a byte of payload now and then', () => {
    const drip = each(5_000);
    const spent = spentBy((now) => ({ payloadBytes: drip(now), diskWork: drip(now) }));
    expect(spent?.atMs).toBeGreaterThanOrEqual(STALL_TIMEOUT_MS);
    expect(spent?.atMs).toBeLessThan(1.1 * STALL_TIMEOUT_MS);
  });

  test('keeps it that long while it hashes one large file, and longer when payload follows', () => {
    const hashes = STALL_TIMEOUT_MS - 1_000;
    const after = each(1_000, 1_000_000);
    const holder: Holder = (now) => ({
      claims: beats(now),
      payloadBytes: now < hashes ? 0 : after(now - hashes + 1_000),
    });
    expect(spentBy(holder)).toBeUndefined();
  });

  test('keeps it on a link of 40 bytes per second', () => {
    const slow = each(TICK_MS, 4);
    expect(spentBy((now) => ({ payloadBytes: slow(now), diskWork: slow(now) }))).toBeUndefined();
  });

  test('loses no patience while our own disk works', () => {
    expect(spentBy((now) => ({ diskWork: beats(now), busy: true }))).toBeUndefined();
  });

  test('never has more patience than it started with, however much arrived', () => {
    const holder: Holder = (now) => ({ claims: beats(now), payloadBytes: 1e12 });
    expect(spentBy(holder)?.atMs).toBe(STALL_TIMEOUT_MS);
  });

  test('gets the default timeouts when "never" is asked for, because others wait', () => {
    expect(spentBy(() => ({}), { stallAfterMs: 0 })?.atMs).toBe(10_000);
    const claims: Holder = (now) => ({ claims: beats(now) });
    expect(spentBy(claims, { stallTimeoutMs: 0 })?.atMs).toBe(STALL_TIMEOUT_MS);
  });

  test('is not charged for time in which this process slept', () => {
    const patience = new TurnPatience({ stallAfterMs: 1_000, startedAt: 0 });
    const still: Movement = { payloadBytes: 0, diskWork: 0, claims: 0, busy: false, queued: false };
    patience.tick(3_600_000, still);
    expect(patience.spent).toBeUndefined();
  });
});
