import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plans, type Mode } from './plan.ts';
import { runSchedule } from './run-schedule.ts';

// A whole transfer between two ends of the core, whatever the order in which everything happens:
// transports of a byte, consumers that stop, cuts, errors, cancellations, time. CTXSYNC_SCHEDULES=10
// runs ten times as many; CTXSYNC_SEED runs those of a seed again.

const RUNS = 5_000 * Number(process.env['CTXSYNC_SCHEDULES'] ?? 1);
const SEED = Number(process.env['CTXSYNC_SEED'] ?? (Date.now() ^ (process.pid << 16)) | 0);

describe.each<Mode>(['oneway', 'duplex'])('%s', (mode) => {
  test(`holds in ${RUNS} schedules (CTXSYNC_SEED=${SEED})`, { timeout: 0 }, async () => {
    const ends = new Map<string, number>();
    const property = fc.asyncProperty(plans(mode), async (plan) => {
      const { sender, receiver } = await runSchedule(plan);
      const end = `${sender}, ${receiver}`;
      ends.set(end, (ends.get(end) ?? 0) + 1);
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
    // The plans reach what they are for.
    expect(ends.get('done, done')).toBeGreaterThan(RUNS / 3);
    expect(ends.size).toBeGreaterThan(5);
  });
});
