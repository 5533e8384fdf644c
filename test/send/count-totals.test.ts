import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { COUNT_AFTER_MS } from '../../src/limits.ts';
import type { DiskThreads } from '../../src/transfer/disk-threads.ts';
import { ContextTotals, countTotals } from '../../src/send/count-totals.ts';
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
class Threads implements Pick<DiskThreads, 'start' | 'cancelled' | 'release'> {
  started = 0;
  released = 0;
  readonly cancelled: boolean;
  readonly #count: (directory: string) => { entries: number; bytes: number };

  constructor(count: (directory: string) => { entries: number; bytes: number }, cancelled = false) {
    this.#count = count;
    this.cancelled = cancelled;
  }

  start(): ReturnType<DiskThreads['start']> {
    this.started += 1;
    const run = (_: string, { source }: { source: { root: string } }) =>
      Promise.resolve().then(() => this.#count(source.root));
    return { run, cancel: () => {} } as unknown as ReturnType<DiskThreads['start']>;
  }

  release(): Promise<void> {
    this.released += 1;
    return Promise.resolve();
  }
}

const ONE = () => ({ entries: 1, bytes: 1 });

test('totals cover all contexts, and are counted once the transfer has begun', async () => {
  const totals = new ContextTotals();
  const threads = new Threads((directory) => ({ entries: directory === 'a' ? 1 : 20, bytes: 300 }));
  const counted = countTotals(CONTEXTS, totals, threads, open, FOREVER);
  await vi.advanceTimersByTimeAsync(COUNT_AFTER_MS - 1);
  expect(threads.started).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  await counted;
  expect(totals.of(CONTEXTS)).toEqual({ entries: 21, bytes: 600 });
  expect(totals.of(CONTEXTS.slice(0, 1))).toEqual({ entries: 1, bytes: 300 });
  expect([threads.started, threads.released]).toEqual([1, 1]);
});

test('contexts that were listed by then are not counted again', async () => {
  const totals = new ContextTotals();
  const threads = new Threads(ONE);
  for (const context of CONTEXTS) totals.add(context, { entries: 5, bytes: 50 });
  const counted = countTotals(CONTEXTS, totals, threads, open, FOREVER);
  await vi.advanceTimersByTimeAsync(COUNT_AFTER_MS);
  await counted;
  expect(threads.started).toBe(0);
  expect(totals.of(CONTEXTS)).toEqual({ entries: 10, bytes: 100 });
});

test.each([
  ['is over', () => Promise.resolve()],
  ['has failed', () => Promise.reject(new Error('peer gone'))],
])('totals are not counted for a transfer that %s', async (_, end) => {
  const totals = new ContextTotals();
  const threads = new Threads(ONE);
  await countTotals(CONTEXTS, totals, threads, open, end());
  expect(totals.of(CONTEXTS)).toBeUndefined();
  expect(threads.started).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('totals are not counted for a run that was cancelled', async () => {
  const threads = new Threads(ONE, true);
  const counted = countTotals(CONTEXTS, new ContextTotals(), threads, open, FOREVER);
  await vi.advanceTimersByTimeAsync(COUNT_AFTER_MS);
  await counted;
  expect(threads.started).toBe(0);
});

test.each([
  ['cannot be counted', CONTEXTS, () => Promise.reject(new Error('unreadable'))],
  ['is a tar', [...CONTEXTS, { tar: {} as Incoming }], ONE],
])('totals are unknown if a context %s', async (_, contexts, count) => {
  const totals = new ContextTotals();
  const threads = new Threads(count as typeof ONE);
  const counted = countTotals(contexts, totals, threads, open, FOREVER);
  await vi.advanceTimersByTimeAsync(COUNT_AFTER_MS);
  await counted;
  expect(totals.of(contexts)).toBeUndefined();
  expect(threads.released).toBe(1);
});
