import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { COUNT_AFTER_MS } from '../../src/limits.ts';
import type { DiskThreads } from '../../src/transfer/disk-threads.ts';
import { countTotals } from '../../src/send/count-totals.ts';
import type { Incoming } from '../../src/transport/transport.ts';
import type { OpenedContext } from '../../src/worker/jobs.ts';

const FOREVER = new Promise<never>(() => {});
const CONTEXTS = [{ directory: 'a' }, { directory: 'b', name: 'b' }];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open({ directory }: { directory: string }): Promise<OpenedContext> {
  return Promise.resolve({ root: directory } as OpenedContext);
}

/** Disk threads whose counts come from `count`. */
function crewOf(
  count: (directory: string) => { entries: number; bytes: number },
  cancelled = false,
): Pick<DiskThreads, 'start' | 'cancelled'> & { started: number } {
  const threads = {
    cancelled,
    started: 0,
    start() {
      this.started += 1;
      const run = (_: string, { source }: { source: { root: string } }) =>
        Promise.resolve().then(() => count(source.root));
      return { run } as unknown as ReturnType<DiskThreads['start']>;
    },
  };
  return threads;
}

test('totals cover all contexts, and are counted once the transfer has taken a while', async () => {
  const threads = crewOf((directory) => ({ entries: directory === 'a' ? 1 : 20, bytes: 300 }));
  const totals = countTotals(CONTEXTS, threads, open, FOREVER);
  await vi.advanceTimersByTimeAsync(COUNT_AFTER_MS - 1);
  expect(threads.started).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(await totals).toEqual({ entries: 21, bytes: 600 });
  expect(threads.started).toBe(1);
});

test.each([
  ['is over', () => Promise.resolve()],
  ['has failed', () => Promise.reject(new Error('peer gone'))],
])('totals are not counted for a transfer that %s', async (_, end) => {
  const threads = crewOf(() => ({ entries: 1, bytes: 1 }));
  expect(await countTotals(CONTEXTS, threads, open, end())).toBeUndefined();
  expect(threads.started).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('totals are not counted for a run that was cancelled', async () => {
  const threads = crewOf(() => ({ entries: 1, bytes: 1 }), true);
  const totals = countTotals(CONTEXTS, threads, open, FOREVER);
  await vi.advanceTimersByTimeAsync(COUNT_AFTER_MS);
  expect(await totals).toBeUndefined();
  expect(threads.started).toBe(0);
});

test('totals are unknown if a context cannot be counted', async () => {
  const unreadable = crewOf(() => {
    throw new Error('unreadable');
  });
  const tar = { tar: {} as Incoming };
  const all = Promise.all([
    countTotals(CONTEXTS, unreadable, open, FOREVER),
    countTotals(
      [...CONTEXTS, tar],
      crewOf(() => ({ entries: 1, bytes: 1 })),
      open,
      FOREVER,
    ),
  ]);
  await vi.advanceTimersByTimeAsync(COUNT_AFTER_MS);
  expect(await all).toEqual([undefined, undefined]);
});
