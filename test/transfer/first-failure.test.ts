import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { STRAY_SILENCE_MS } from '../../src/limits.ts';
import { FirstFailure } from '../../src/transfer/first-failure.ts';

const LOST = new CtxsyncError('peer-gone', 'the receiver is gone');

/** The work of a run that never ends on its own. */
const FOREVER = new Promise<never>(() => {});

describe('the failure of a run', () => {
  it('is the first one', async () => {
    const failure = new FirstFailure(undefined);
    failure.fail(LOST);
    failure.fail(new CtxsyncError('corrupt', 'later'));
    await expect(failure.race(FOREVER)).rejects.toBe(LOST);
  });

  it.each(['before it begins', 'while it goes on'])(
    'is an interruption by the caller, %s',
    async (when) => {
      const caller = new AbortController();
      if (when === 'before it begins') caller.abort();
      const failure = new FirstFailure(caller.signal);
      caller.abort();
      await expect(failure.race(FOREVER)).rejects.toMatchObject({ code: 'interrupted' });
    },
  );

  it('is thrown after an abort although the other side has more to do, when the caller waits no longer', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const caller = new AbortController();
    const failure = new FirstFailure(caller.signal, 500);
    let isOver = false;
    const waited = failure.waitForPeer(FOREVER).then(() => (isOver = true));
    // Not before an abort, however long it takes.
    await vi.advanceTimersByTimeAsync(60_000);
    expect(isOver).toBe(false);
    caller.abort();
    await vi.advanceTimersByTimeAsync(499);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await waited;
    // All that follows has the same end.
    const next = failure.waitForPeer(FOREVER);
    await vi.advanceTimersByTimeAsync(0);
    await next;
  });

  it('lets the other side finish after an abort, if the caller has the time', async () => {
    const failure = new FirstFailure(AbortSignal.abort(), Infinity);
    let finish = (): void => {};
    const work = new Promise<void>((resolve) => (finish = resolve));
    let isOver = false;
    const waited = failure.waitForPeer(work).then(() => (isOver = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    finish();
    await waited;
  });

  it('leaves no listener on the signal when the run is over', async () => {
    const caller = new AbortController();
    const failure = new FirstFailure(caller.signal);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1);
    failure.close();
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
    caller.abort();
    failure.fail(LOST);
    await expect(failure.race(FOREVER)).rejects.toBe(LOST);
  });

  it('is no longer an interruption while the run commits', async () => {
    const caller = new AbortController();
    const failure = new FirstFailure(caller.signal);
    failure.committing = true;
    caller.abort();
    failure.fail(LOST);
    await expect(failure.race(FOREVER)).rejects.toBe(LOST);
    expect(await failure.interruptionWithin(0)).toBeUndefined();
  });

  it('is a stray input when no more of it arrives', async () => {
    const failure = new FirstFailure(undefined);
    const stray = new CtxsyncError('not-ctxsync', 'stray');
    failure.failOnStray(undefined, 10 * STRAY_SILENCE_MS);
    failure.failOnStray(new CtxsyncError('not-ctxsync', 'str'), STRAY_SILENCE_MS - 1);
    failure.failOnStray(stray, STRAY_SILENCE_MS);
    await expect(failure.race(FOREVER)).rejects.toBe(stray);
  });
});

describe('an interruption', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is reported at once if it has happened, even after another failure', async () => {
    const caller = new AbortController();
    const failure = new FirstFailure(caller.signal);
    failure.fail(LOST);
    caller.abort();
    expect(await failure.interruptionWithin(200)).toMatchObject({ code: 'interrupted' });
    expect(vi.getTimerCount()).toBe(0);
    await expect(failure.race(FOREVER)).rejects.toBe(LOST);
  });

  it('is awaited, and reported when it comes in time', async () => {
    const caller = new AbortController();
    const failure = new FirstFailure(caller.signal);
    const interruption = failure.interruptionWithin(200);
    await vi.advanceTimersByTimeAsync(199);
    caller.abort();
    expect(await interruption).toMatchObject({ code: 'interrupted' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not awaited any longer than that', async () => {
    const caller = new AbortController();
    const failure = new FirstFailure(caller.signal);
    const interruption = failure.interruptionWithin(200);
    await vi.advanceTimersByTimeAsync(200);
    expect(await interruption).toBeUndefined();
    caller.abort();
    expect(await failure.interruptionWithin(0)).toMatchObject({ code: 'interrupted' });
  });

  it('is never reported if nobody can interrupt', async () => {
    const interruption = new FirstFailure(undefined).interruptionWithin(200);
    await vi.advanceTimersByTimeAsync(200);
    expect(await interruption).toBeUndefined();
  });
});
