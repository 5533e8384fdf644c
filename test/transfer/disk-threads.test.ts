import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TICK_MS } from '../../src/limits.ts';
import { DiskThreads } from '../../src/transfer/disk-threads.ts';
import { stuckThreadCount } from '../../src/transfer/stuck-threads.ts';
import type { Jobs } from '../../src/worker/jobs.ts';
import { FakeDiskThread } from '../helpers/disk/fake-disk-thread.ts';

const COUNT = { source: {} } as unknown as Jobs['count']['input'];
const DISCARD = {} as unknown as Jobs['discard']['input'];

/** The threads of a run, and those that it has started. */
function threadsOf(side: 'sender' | 'receiver' = 'sender') {
  const started: FakeDiskThread[] = [];
  const threads = new DiskThreads(
    side,
    () => {},
    () => {
      const thread = new FakeDiskThread();
      started.push(thread);
      return thread;
    },
  );
  const start = (): FakeDiskThread => {
    threads.start();
    return started.at(-1)!;
  };
  return { threads, started, start };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a job', () => {
  test('has the result of its thread', async () => {
    const { threads, start } = threadsOf();
    const thread = start();
    const running = threads.run(thread, 'count', COUNT);
    thread.finish({ entries: 1, bytes: 2 });
    expect(await running).toEqual({ entries: 1, bytes: 2 });
    expect(thread.jobs).toEqual(['count']);
  });

  test('counts as work for as long as it does not wait for the other side', async () => {
    const { threads, start } = threadsOf('sender');
    const thread = start();
    const running = threads.run(thread, 'count', COUNT);
    await vi.advanceTimersByTimeAsync(1_000);
    thread.status.addWait('waiting-for-room', 300);
    // The sender's own disk makes it wait for data.
    thread.status.addWait('waiting-for-data', 100);
    expect(threads.workedMs()).toBe(700);
    thread.finish();
    await running;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(threads.workedMs()).toBe(700);
  });

  test('is not started after a cancellation, and a running one is interrupted', async () => {
    const { threads, start } = threadsOf();
    const [one, other] = [start(), start()];
    const running = threads.run(one, 'count', COUNT);
    const ring = threads.ring('tree');
    threads.cancel();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    await expect(threads.run(other, 'count', COUNT)).rejects.toMatchObject({ code: 'interrupted' });
    expect(other.jobs).toEqual([]);
    expect([ring.cancelled, threads.ring('tree').cancelled]).toEqual([true, true]);
  });
});

test('the rings of a run are as full as those of each kind together, until they are released', async () => {
  const { threads, start } = threadsOf();
  const thread = start();
  const [one, other] = [threads.ring('tree'), threads.ring('tree')];
  threads.ring('want');
  one.write(Buffer.alloc(10));
  other.write(Buffer.alloc(5));
  const capacityBytes = one.capacity;
  expect(threads.ringFills()).toEqual([
    { kind: 'tree', usedBytes: 15, capacityBytes: 2 * capacityBytes },
    { kind: 'want', usedBytes: 0, capacityBytes },
  ]);
  await threads.release(thread, one);
  expect(threads.ringFills()[0]).toEqual({ kind: 'tree', usedBytes: 5, capacityBytes });
});

describe('the end of a run', () => {
  const GRACE_MS = 500;

  test('waits for a job as long as its thread moves from call to call', async () => {
    const { threads, start } = threadsOf();
    const thread = start();
    void threads.run(thread, 'count', COUNT);
    const settled = threads.settle(GRACE_MS);
    for (let call = 0; call < 10; call++) {
      thread.status.enter('reading', `file-${call}`);
      await vi.advanceTimersByTimeAsync(GRACE_MS - 2 * TICK_MS);
    }
    thread.finish();
    expect(await settled).toBe(true);
  });

  test('does not wait for a call that takes too long, and counts its thread as stuck', async () => {
    const { threads, start } = threadsOf();
    const thread = start();
    thread.isStuck = true;
    void threads.run(thread, 'count', COUNT);
    thread.status.enter('reading', 'hangs');
    const settled = threads.settle(GRACE_MS);
    await vi.advanceTimersByTimeAsync(GRACE_MS + 2 * TICK_MS);
    expect(await settled).toBe(false);
    await threads.end(Promise.resolve());
    expect(stuckThreadCount()).toBe(1);
    thread.exit();
    await vi.advanceTimersByTimeAsync(0);
    expect(stuckThreadCount()).toBe(0);
  });

  test('cleans up on an idle thread, or else on a new one', async () => {
    const { threads, started, start } = threadsOf('receiver');
    const [busy, idle] = [start(), start()];
    void threads.run(busy, 'count', COUNT);
    const cleaned = threads.cleanUp('discard', DISCARD, GRACE_MS);
    expect(idle.jobs).toEqual(['discard']);
    idle.finish();
    expect(await cleaned).toBe('done');
    idle.hasEnded = true;
    const again = threads.cleanUp('discard', DISCARD, GRACE_MS);
    expect(started).toHaveLength(3);
    started[2]!.fail(new Error('the disk is gone'));
    expect(await again).toBe('failed');
  });

  test('reports that the cleanup hangs, and does it once the threads have ended after all', async () => {
    const { threads, started, start } = threadsOf('receiver');
    const thread = start();
    thread.isStuck = true;
    thread.status.enter('cleaning', 'hangs');
    const cleaned = threads.cleanUp('discard', DISCARD, GRACE_MS);
    await vi.advanceTimersByTimeAsync(GRACE_MS + 2 * TICK_MS);
    expect(await cleaned).toBe('hung');
    threads.cleanUpLater('discard', DISCARD);
    await threads.end(Promise.resolve());
    expect(started).toHaveLength(1);
    thread.exit();
    await vi.advanceTimersByTimeAsync(0);
    expect(started[1]?.jobs).toEqual(['discard']);
    expect(stuckThreadCount()).toBe(1);
    started[1]?.finish();
    await vi.advanceTimersByTimeAsync(0);
    expect([stuckThreadCount(), started[1]?.hasEnded]).toEqual([0, true]);
  });
});

test('a thread that is released has ended, and its ring is cancelled', async () => {
  const { threads, start } = threadsOf();
  const thread = start();
  const ring = threads.ring('tree');
  await threads.release(thread, ring);
  expect([thread.hasEnded, ring.cancelled]).toEqual([true, true]);
});
