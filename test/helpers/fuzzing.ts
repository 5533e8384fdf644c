import type { Parameters } from 'fast-check';

/**
 * Options for fc.assert: CTXSYNC_SESSIONS multiplies how many are tried, CTXSYNC_SEED says which. The
 * seed is printed with a failure.
 */
export function fuzzing(runs: number): Parameters<unknown> {
  return { numRuns: runs * TIMES, seed: SEED };
}

const TIMES = Number(process.env['CTXSYNC_SESSIONS'] ?? 1);
const SEED = Number(process.env['CTXSYNC_SEED'] ?? Date.now() % 2 ** 31);
