import { expect, test } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import type { TransferEvent } from '../../src/observe/events.ts';
import { DiskThreads } from '../../src/transfer/disk-threads.ts';
import { FirstFailure } from '../../src/transfer/first-failure.ts';
import { Monitor } from '../../src/transfer/monitor.ts';
import { PathNoteCollector } from '../../src/transfer/path-notes.ts';
import { runToReport, type Run, type RunLink } from '../../src/transfer/run.ts';
import { FakeDiskThread } from '../helpers/disk/fake-disk-thread.ts';

const FAILURE = new CtxsyncError('no-space', 'the disk is full', { path: 'a' });

/** A run that records what is called. */
class RecordedRun implements Run {
  readonly side = 'receiver';
  readonly calls: string[] = [];
  readonly notes = new PathNoteCollector();
  readonly thread = new FakeDiskThread();
  readonly threads = new DiskThreads(
    'receiver',
    () => {},
    () => this.thread,
  );
  readonly link: RunLink = {
    failure: new FirstFailure(undefined),
    monitor: new Monitor({
      side: 'receiver',
      onEvent: () => {},
      plan: () => ({}),
      observeWire: () => ({ reading: false, silentMs: 0, arrivedBytes: 0 }),
      moved: () => ({ payloadBytes: 0, claims: 0 }),
      onExpired: () => {},
    }),
    wireBytes: 7,
    digest: undefined,
    released: Promise.resolve(),
    close: () => {
      this.calls.push(`close, threads ended: ${this.thread.hasEnded}`);
      return Promise.resolve();
    },
  };
  readonly #outcomes: { fails?: boolean; succeedsLate?: boolean };

  constructor(outcomes: { fails?: boolean; succeedsLate?: boolean } = {}) {
    this.#outcomes = outcomes;
    this.threads.start();
  }

  onEvent = (event: TransferEvent): void => void this.calls.push(`event ${event.type}`);

  transfer(): Promise<void> {
    this.calls.push('transfer');
    return this.#outcomes.fails === true ? Promise.reject(FAILURE) : Promise.resolve();
  }

  giveUp(error: CtxsyncError): Promise<CtxsyncError | undefined> {
    this.calls.push(`give up: ${error.code}`);
    return Promise.resolve(this.#outcomes.succeedsLate === true ? undefined : error);
  }

  outcome(error: CtxsyncError | undefined): ReturnType<Run['outcome']> {
    this.calls.push(`outcome: ${error?.code ?? 'done'}`);
    const times = { totalMs: 1, sourceMs: 1, wireMs: 0 };
    return { contexts: [], counts: undefined, times };
  }
}

test('a run that succeeds ends its threads, closes its transport and reports, in this order', async () => {
  const run = new RecordedRun();
  expect(await runToReport(run)).toMatchObject({ result: 'done', wireBytes: 7 });
  expect(run.calls).toEqual([
    'transfer',
    'outcome: done',
    'close, threads ended: true',
    'event end',
  ]);
});

test('a run that fails gives up first, and its error carries the report', async () => {
  const run = new RecordedRun({ fails: true });
  const error = await runToReport(run).catch((thrown: unknown) => thrown);
  expect(error).toBe(FAILURE);
  expect(error).toMatchObject({
    report: { result: 'failed', error: { code: 'no-space', path: 'a' }, failed: { count: 1 } },
  });
  expect(run.calls).toEqual([
    'transfer',
    'give up: no-space',
    'outcome: no-space',
    'close, threads ended: true',
    'event end',
  ]);
});

test('a run that turns out to have succeeded while it gave up is a success', async () => {
  const run = new RecordedRun({ fails: true, succeedsLate: true });
  expect(await runToReport(run)).toMatchObject({ result: 'done' });
});
