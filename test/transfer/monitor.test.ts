import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CtxsyncError } from '../../src/errors.ts';
import { TICK_MS } from '../../src/limits.ts';
import type { TransferEvent } from '../../src/observe/events.ts';
import type { Sample } from '../../src/observe/sample.ts';
import type { Plan } from '../../src/observe/work.ts';
import { Monitor, type MonitorOptions } from '../../src/transfer/monitor.ts';
import { FakeDiskThread } from '../helpers/disk/fake-disk-thread.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A monitor of a receiver whose single thread and wire are controlled by the test. */
class Watched {
  readonly events: TransferEvent[] = [];
  readonly failures: CtxsyncError[] = [];
  readonly thread = new FakeDiskThread();
  payloadBytes = 0;
  plan: Plan = {};
  readonly monitor: Monitor;

  constructor(more: Partial<MonitorOptions> = {}) {
    this.monitor = new Monitor({ ...this.#options, ...more });
    this.monitor.start();
    this.monitor.watch(this.thread, true);
  }

  readonly #options: MonitorOptions = {
    side: 'receiver',
    onEvent: (event) => this.events.push(event),
    stallAfterMs: 2_000,
    stallTimeoutMs: 10_000,
    plan: () => this.plan,
    observeWire: () => ({ reading: false, silentMs: 0, arrivedBytes: this.payloadBytes }),
    moved: () => ({ payloadBytes: this.payloadBytes, claims: 0 }),
    onExpired: (error) => this.failures.push(error),
  };

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  of<Type extends TransferEvent['type']>(type: Type): Extract<TransferEvent, { type: Type }>[] {
    return this.events.filter((event) => event.type === type) as never;
  }
}

test('the monitor reports each phase once, and progress ten times a second', async () => {
  const watched = new Watched();
  watched.monitor.enter('receiving');
  watched.monitor.enter('receiving');
  watched.thread.status.enter('writing', 'web/app.js');
  watched.thread.status.addEntry();
  watched.thread.status.addBytes(12);
  // A tick takes effect once pending input was read, which is a moment later.
  await watched.pass(10 * TICK_MS + 1);
  expect(watched.of('phase').map(({ phase }) => phase)).toEqual(['preparing', 'receiving']);
  expect(watched.of('progress')).toHaveLength(10);
  expect(watched.of('progress').at(-1)).toMatchObject({
    phase: 'receiving',
    entries: 1,
    bytes: 12,
    path: 'web/app.js',
  });
  watched.monitor.stop(true);
  await watched.pass(1_000);
  expect(watched.of('progress')).toHaveLength(10);
});

describe('a call that does not return', () => {
  test('is reported once with side, path and cause, and so is its return', async () => {
    const watched = new Watched();
    watched.thread.status.enter('writing', 'web/app.js');
    await watched.pass(3_000);
    expect(watched.of('stall').map(({ verdict }) => verdict)).toEqual([
      expect.objectContaining({
        side: 'receiver',
        cause: 'disk-not-answering',
        path: 'web/app.js',
      }),
    ]);
    watched.thread.status.enter('writing', 'web/next.js');
    await watched.pass(1_000);
    expect(watched.of('resumed')).toHaveLength(1);
    expect(watched.failures).toEqual([]);
    watched.monitor.stop(true);
    expect(watched.monitor.stalls).toHaveLength(1);
  });

  test('ends the run at the stall timeout, and a run that is aborted reports no further stall', async () => {
    const watched = new Watched();
    watched.thread.status.enter('writing', 'web/app.js');
    await watched.pass(11_000);
    expect(watched.failures).toEqual([
      expect.objectContaining({
        code: 'stalled',
        path: 'web/app.js',
        message: expect.stringMatching(/^gave up after 10s /),
      }),
    ]);
    watched.monitor.giveUp();
    await watched.pass(60_000);
    expect(watched.failures).toHaveLength(1);
    watched.monitor.stop(false);
  });

  test('is not reported while payload moves', async () => {
    const watched = new Watched();
    for (let second = 0; second < 30; second++) {
      watched.payloadBytes += 1;
      await watched.pass(1_000);
    }
    expect([watched.of('stall'), watched.failures]).toEqual([[], []]);
    watched.monitor.stop(true);
  });
});

test('waiting in a queue is a separate phase, after which the previous one is reported again', async () => {
  const watched = new Watched();
  watched.monitor.enter('receiving');
  const queue = { words: '2 senders ahead', entries: 5, bytes: 6 };
  watched.monitor.wait(queue);
  expect(watched.monitor.beat(0)).toMatchObject({
    state: 'queued',
    path: '2 senders ahead',
    entries: 5,
    bytes: 6,
  });
  watched.monitor.wait({ ...queue, words: '1 sender ahead' });
  watched.monitor.wait(undefined);
  expect(watched.of('phase').map(({ phase, queue: words }) => [phase, words])).toEqual([
    ['preparing', undefined],
    ['receiving', undefined],
    ['queued', '2 senders ahead'],
    ['receiving', undefined],
  ]);
  watched.monitor.stop(true);
  await watched.pass(0);
});

test('a beat reports the call that has been pending longest', async () => {
  const watched = new Watched();
  const other = new FakeDiskThread();
  watched.monitor.watch(other, true);
  watched.thread.status.enter('writing', 'slow');
  await watched.pass(500);
  other.status.enter('scanning', 'fast');
  await watched.pass(200);
  const beat = watched.monitor.beat(7, { received: 8, heard: 9 });
  expect(beat).toMatchObject({
    state: 'writing',
    path: 'slow',
    waitedMs: 7,
    received: 8,
    heard: 9,
  });
  expect(beat.stateAgeMs).toBeGreaterThan(500);
  watched.thread.status.idle();
  other.status.idle();
  expect(watched.monitor.beat(0)).toMatchObject({ state: 'idle', path: '' });
  watched.monitor.stop(true);
});

test('samples are made ten times a second, at each phase and at the end, of what is seen then', async () => {
  const samples: Sample[] = [];
  const watched = new Watched({ onSample: (sample) => samples.push(sample) });
  watched.monitor.watchRings(() => [{ kind: 'tree', usedBytes: 1, capacityBytes: 2 }]);
  watched.thread.status.enter('writing', 'web/app.js');
  watched.thread.status.addBytes(12);
  watched.payloadBytes = 20;
  await watched.pass(5 * TICK_MS + 1);
  watched.monitor.enter('committing');
  watched.monitor.stop(true);
  expect(samples).toHaveLength(1 + 5 + 1 + 1);
  expect(samples.at(-1)).toMatchObject({
    side: 'receiver',
    bytes: 12,
    diskThreads: [{ id: 1, state: 'writing', path: 'web/app.js' }],
    rings: [{ kind: 'tree', usedBytes: 1 }],
    wire: { receivedBytes: 20 },
  });
  expect(samples.at(-1)!.diskThreads[0]!.pendingMs).toBeGreaterThanOrEqual(4 * TICK_MS);
});
