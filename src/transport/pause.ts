import { setTimeout as delay } from 'node:timers/promises';
import { CtxsyncError } from '../errors.ts';

/**
 * Waits for `ms` milliseconds, or until `over` settles.
 * @throws CtxsyncError interrupted
 */
export async function pause(
  signal: AbortSignal | undefined,
  ms: number,
  over = new Promise<void>(() => {}),
): Promise<void> {
  const end = new AbortController();
  const onAbort = (): void => end.abort();
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  try {
    await Promise.race([over, delay(ms, undefined, { signal: end.signal })]);
  } catch {
    const message = 'interrupted; nothing was transferred';
    throw new CtxsyncError('interrupted', message, { cause: signal?.reason });
  } finally {
    // Neither the timer nor the listener outlives the wait.
    signal?.removeEventListener('abort', onAbort);
    onAbort();
  }
}
