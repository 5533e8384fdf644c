import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { LOCK_RETRY_MS } from '../../src/limits.ts';
import { takeInTurn } from '../../src/receive/take-in-turn.ts';
import type { Queue } from '../../src/transfer/queue.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const LOCKED = new CtxsyncError('locked', 'OUT is locked', { holder: 'pid 7 on host, since then' });

/** Attempts of which the first `held` find the directory locked. */
function attempts(held: number, error = LOCKED) {
  const queues: (() => Queue)[] = [];
  let tries = 0;
  const take = vi.fn<() => Promise<string>>(() => {
    tries += 1;
    return tries <= held ? Promise.reject(error) : Promise.resolve('taken');
  });
  const keepWaiting = async (granted: Promise<unknown>, queue: () => Queue): Promise<void> => {
    queues.push(queue);
    await granted;
  };
  const run = (waitMs?: number) => takeInTurn(take, { directory: 'out', waitMs }, keepWaiting);
  return { take, queues, run };
}

describe('a directory', () => {
  test('that is free is taken at once, without a word', async () => {
    const { queues, run } = attempts(0);
    expect(await run(5_000)).toBe('taken');
    expect(queues).toEqual([]);
  });

  test('that another receiver holds is refused at once, unless it may wait', async () => {
    const { take, queues, run } = attempts(1);
    await expect(run()).rejects.toBe(LOCKED);
    expect([take.mock.calls.length, queues.length]).toEqual([1, 0]);
  });

  test('is taken when it is released; until then its holder is named, and each look is a claim', async () => {
    const { take, queues, run } = attempts(3);
    const taken = run(90_000);
    await vi.advanceTimersByTimeAsync(2 * LOCK_RETRY_MS);
    const words = 'out is locked by pid 7 on host, since then; gives up after 1m 30s';
    expect(queues.map((queue) => queue())).toEqual([{ words, entries: 1, bytes: 0 }]);
    expect(queues[0]!().entries).toBe(2);
    await vi.advanceTimersByTimeAsync(LOCK_RETRY_MS);
    expect(await taken).toBe('taken');
    expect(take).toHaveBeenCalledTimes(4);
  });

  test('that is not released in time is refused', async () => {
    const { run } = attempts(Infinity);
    const refused = run(1_000).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1_000 + LOCK_RETRY_MS);
    expect(await refused).toBe(LOCKED);
  });

  test('that cannot be taken for another reason is not waited for', async () => {
    const error = new CtxsyncError('no-space', 'full');
    await expect(attempts(1, error).run(5_000)).rejects.toBe(error);
  });
});
