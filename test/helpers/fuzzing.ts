const TIMES = Number(process.env['CTXSYNC_SESSIONS'] ?? 1);
const SEED = Number(process.env['CTXSYNC_SEED'] ?? (Date.now() ^ (process.pid << 16)) | 0);

/** For titles: runs it again. */
export const SEEDED = `(CTXSYNC_SEED=${SEED})`;

/** Options for fc.assert: CTXSYNC_SESSIONS times so many are tried, CTXSYNC_SEED says which. */
export function fuzzing(runs: number): { numRuns: number; seed: number } {
  return { numRuns: Math.ceil(runs * TIMES), seed: SEED };
}
