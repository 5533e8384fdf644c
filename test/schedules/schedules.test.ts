import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proving, SEEDED } from '../helpers/proofs.ts';
import { plans, type Mode } from './plan.ts';
import { runSchedule } from './run-schedule.ts';

// A whole transfer between two ends of the core, in any order of events: one-byte transports,
// consumers that stop, cuts, errors, cancellations, time.

const OPTIONS = proving(5_000);

describe.each<Mode>(['oneway', 'duplex'])('a %s transfer', (mode) => {
  test(
    `keeps the rules of the model in ${OPTIONS.numRuns} schedules ${SEEDED}`,
    { timeout: 0 },
    async () => {
      const ends = new Map<string, number>();
      const property = fc.asyncProperty(plans(mode), async (plan) => {
        const { sender, receiver } = await runSchedule(plan);
        const end = `${sender}, ${receiver}`;
        ends.set(end, (ends.get(end) ?? 0) + 1);
      });
      await fc.assert(property, OPTIONS);
      // The plans cover the intended cases.
      expect(ends.get('done, done')).toBeGreaterThan(OPTIONS.numRuns / 3);
      expect(ends.size).toBeGreaterThan(5);
    },
  );
});
