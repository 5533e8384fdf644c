/*
 * What is tried by chance: schedules, sessions, signals, calls that fail, kills, trees. `npm test` tries a
 * tenth of what CTXSYNC_PROOFS=1 does, as in CI's `npm run proofs`; 10 tries ten times as many.
 */
const TIMES = Number(process.env['CTXSYNC_PROOFS'] ?? 0.1);

/** With the same one the same is tried. */
export const SEED = Number(process.env['CTXSYNC_SEED'] ?? 20_251_125);

/** For titles: how to run it again. */
export const SEEDED = `(CTXSYNC_PROOFS=${TIMES} CTXSYNC_SEED=${SEED})`;

/**
 * @param proofs in `npm run proofs`
 * @param least however few are tried
 */
export function rounds(proofs: number, least = 1): number {
  return Math.max(least, Math.ceil(proofs * TIMES));
}

/** Options of fc.assert, for so many runs in `npm run proofs`. */
export function proving(proofs: number, least?: number): { numRuns: number; seed: number } {
  return { numRuns: rounds(proofs, least), seed: SEED };
}

/** Of what can be tried one after the other: each one by `npm run proofs`, each seventh by `npm test`. */
export const STRIDE = TIMES < 1 ? 7 : 1;
