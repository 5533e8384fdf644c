/*
 * Scale of the randomized tests: schedules, sessions, signals, failing calls, kills, trees. `npm test`
 * runs a tenth of what CTXSYNC_PROOFS=1 does, as in CI's `npm run proofs`; 10 runs ten times as many.
 */
const TIMES = Number(process.env['CTXSYNC_PROOFS'] ?? 0.1);

/** The same seed gives the same tests. */
export const SEED = Number(process.env['CTXSYNC_SEED'] ?? 20_251_125);

/** For titles: how to repeat the run. */
export const SEEDED = `(CTXSYNC_PROOFS=${TIMES} CTXSYNC_SEED=${SEED})`;

/**
 * @param proofs the count in `npm run proofs`
 * @param least the minimum
 */
export function rounds(proofs: number, least = 1): number {
  return Math.max(least, Math.ceil(proofs * TIMES));
}

/** Options of fc.assert, for this many runs in `npm run proofs`. */
export function proving(proofs: number, least?: number): { numRuns: number; seed: number } {
  return { numRuns: rounds(proofs, least), seed: SEED };
}

/** Step through a sequence of cases: `npm run proofs` tries each one, `npm test` every seventh. */
export const STRIDE = TIMES < 1 ? 7 : 1;
