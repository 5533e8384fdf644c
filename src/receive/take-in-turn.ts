import { setTimeout } from 'node:timers/promises';
import { CtxsyncError } from '../errors.ts';
import { LOCK_RETRY_MS } from '../limits.ts';
import { formatAge } from '../observe/format-age.ts';
import type { Queue } from '../transfer/queue.ts';
import type { DirectoryTargetOptions } from './target-options.ts';

/**
 * Takes a directory, and waits while another receiver holds it, if it may.
 *
 * @param take one attempt
 * @param keepWaiting reports why nothing happens until its promise settles
 * @throws CtxsyncError locked after `waitMs`, and what the attempts throw otherwise
 */
export async function takeInTurn<T>(
  take: () => Promise<T>,
  { directory, waitMs = 0 }: DirectoryTargetOptions,
  keepWaiting: (granted: Promise<unknown>, queue: () => Queue) => Promise<void>,
): Promise<T> {
  const until = performance.now() + waitMs;
  try {
    return await take();
  } catch (error) {
    const { code, holder } = CtxsyncError.from(error);
    if (code !== 'locked' || waitMs === 0) throw error;
    const limit = `gives up after ${formatAge(waitMs)}`;
    const words = `${directory} is locked by ${holder ?? 'another receiver'}; ${limit}`;
    // Whoever holds it is alive, as its lock would be taken over otherwise: so each look is a claim.
    let looks = 0;
    const taken = takeOnceReleased(take, until);
    await keepWaiting(taken, () => ({ words, entries: (looks += 1), bytes: 0 }));
    return taken;
  }
}

async function takeOnceReleased<T>(take: () => Promise<T>, until: number): Promise<T> {
  for (;;) {
    await setTimeout(LOCK_RETRY_MS);
    try {
      return await take();
    } catch (error) {
      const isHeld = CtxsyncError.from(error).code === 'locked';
      if (!isHeld || performance.now() >= until) throw error;
    }
  }
}
