import { COUNT_AFTER_MS } from '../limits.ts';
import { withTimeout } from '../with-timeout.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import type { OpenedContext } from '../worker/jobs.ts';
import type { Context, DirectoryContext } from './context.ts';
import type { DiskThreads } from '../transfer/disk-threads.ts';

export interface Totals {
  entries: number;
  bytes: number;
}

/**
 * Counts what a transfer of all contexts would send, by a second walk, if the transfer takes long enough
 * for the totals to be useful.
 * @param open opens a context, if that is not done yet
 * @param over settles when the totals are no longer needed
 * @returns undefined if the totals are not needed, for a tar, and on failure: the transfer itself meets
 *   the same error, and reports it
 */
export async function countTotals(
  contexts: readonly Context[],
  threads: Pick<DiskThreads, 'start' | 'cancelled'>,
  open: (context: DirectoryContext, thread: DiskThread) => Promise<OpenedContext>,
  over: Promise<unknown>,
): Promise<Totals | undefined> {
  let isOver = false;
  await withTimeout(
    COUNT_AFTER_MS,
    over.finally(() => (isOver = true)),
  );
  if (isOver || threads.cancelled) return undefined;
  const thread = threads.start();
  const totals = { entries: 0, bytes: 0 };
  try {
    for (const context of contexts) {
      if (!('directory' in context)) return undefined;
      const { entries, bytes } = await thread.run('count', { source: await open(context, thread) });
      totals.entries += entries;
      totals.bytes += bytes;
    }
    return totals;
  } catch {
    return undefined;
  }
}
