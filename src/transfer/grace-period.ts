import { LINGER_MS, STALLED_LINGER_MS } from '../limits.ts';
import type { CtxsyncError } from '../errors.ts';

/**
 * Milliseconds that each step of giving up may take. Short if the run stalled: whatever hung for that long
 * will not answer now.
 */
export function graceMs(error: CtxsyncError): number {
  return error.code === 'stalled' ? STALLED_LINGER_MS : LINGER_MS;
}
