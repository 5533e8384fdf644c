import { COUNT_AFTER_MS } from '../limits.ts';
import type { Amount } from '../observe/work.ts';
import { withTimeout } from '../with-timeout.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import type { OpenedContext } from '../worker/jobs.ts';
import type { Context, DirectoryContext } from './context.ts';
import type { DiskThreads } from '../transfer/disk-threads.ts';

/** How much is in each context, as far as it was counted. */
export class ContextTotals {
  readonly #counted = new Map<Context, Amount>();

  add(context: Context, amount: Amount): void {
    this.#counted.set(context, amount);
  }

  has(context: Context): boolean {
    return this.#counted.has(context);
  }

  /** The sum; undefined until all of these are counted. */
  of(contexts: Iterable<Context>): Amount | undefined {
    const sum = { entries: 0, bytes: 0 };
    for (const context of contexts) {
      const amount = this.#counted.get(context);
      if (amount === undefined) return undefined;
      sum.entries += amount.entries;
      sum.bytes += amount.bytes;
    }
    return sum;
  }
}

/**
 * Counts what is in the contexts, by a walk beside the transfer, which it lets go first. A transfer that is
 * over at once is not counted, nor is a tar. After a failure it ends: the transfer itself meets the same
 * error, and reports it.
 *
 * @param open opens a context, if that is not done yet
 * @param over settles when the totals are no longer needed
 */
export async function countTotals(
  contexts: readonly Context[],
  totals: ContextTotals,
  threads: Pick<DiskThreads, 'start' | 'cancelled' | 'release'>,
  open: (context: DirectoryContext, thread: DiskThread) => Promise<OpenedContext>,
  over: Promise<unknown>,
): Promise<void> {
  let isOver = false;
  const end = over.finally(() => (isOver = true)).catch(() => {});
  await withTimeout(COUNT_AFTER_MS, end);
  // A list of a context counts it too.
  const left = contexts.filter((context) => !totals.has(context));
  if (isOver || threads.cancelled || left.length === 0) return;
  const thread = threads.start();
  void end.then(() => thread.cancel());
  try {
    for (const context of left) {
      if (!('directory' in context)) return;
      totals.add(context, await thread.run('count', { source: await open(context, thread) }));
    }
  } catch {
    // There are no totals then.
  } finally {
    await threads.release(thread);
  }
}
