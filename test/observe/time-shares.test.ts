import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timeShares } from '../../src/observe/time-shares.ts';

describe('timeShares', () => {
  test('attributes the time to a receiver that always had data', () => {
    expect(timeShares({ totalMs: 1_000, starvedMs: 0, senderWaitedMs: 1_000 })).toEqual({
      totalMs: 1_000,
      sourceMs: 0,
      wireMs: 0,
      destinationMs: 1_000,
    });
  });

  test('attributes the time in which a receiver starved and the sender waited to the wire', () => {
    expect(timeShares({ totalMs: 1_000, starvedMs: 700, senderWaitedMs: 900 })).toEqual({
      totalMs: 1_000,
      sourceMs: 100,
      wireMs: 600,
      destinationMs: 300,
    });
  });

  test('attributes the time in which a receiver starved and the sender never waited to the source', () => {
    expect(timeShares({ totalMs: 1_000, starvedMs: 700, senderWaitedMs: 0 })).toMatchObject({
      sourceMs: 700,
      wireMs: 0,
    });
  });

  test('splits the time of a sender that knows no receiver into source and waiting', () => {
    expect(timeShares({ totalMs: 1_000, senderWaitedMs: 600 })).toEqual({
      totalMs: 1_000,
      sourceMs: 400,
      wireMs: 600,
    });
  });

  test('returns shares that add up exactly and are never negative, whatever was measured', () => {
    const ms = fc.double({ min: -10, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(ms, fc.option(ms, { nil: undefined }), ms, (total, starved, waited) => {
        const times = timeShares({ totalMs: total, starvedMs: starved, senderWaitedMs: waited });
        const parts = [times.sourceMs, times.wireMs, times.destinationMs ?? 0];
        expect(parts[0]! + parts[1]! + parts[2]!).toBe(times.totalMs);
        expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
