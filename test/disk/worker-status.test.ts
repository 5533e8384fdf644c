import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { STATUS_PATH_BYTES } from '../../src/limits.ts';
import { buildModule } from '../helpers/cli/built-module.ts';

describe('a status', () => {
  it('shows the other side what the worker is doing', () => {
    const [worker, main] = twoEnds();
    expect(main.read()).toMatchObject({ state: 'idle', path: '', calls: 0, entries: 0, bytes: 0 });
    worker.enter('reading', 'web/caf\xe9');
    worker.addBytes(5e9);
    worker.addEntry();
    expect(main.read()).toMatchObject({
      state: 'reading',
      path: 'web/caf\xe9',
      calls: 1,
      entries: 1,
      bytes: 5e9,
    });
    worker.idle();
    expect(main.read()).toMatchObject({ state: 'idle', path: '', calls: 1 });
  });

  it('has a new sequence number for every call, and the same one while a call is pending', () => {
    const [worker, main] = twoEnds();
    worker.enter('writing', 'a');
    const first = main.read().sequence;
    expect(main.read().sequence).toBe(first);
    worker.enter('writing', 'a');
    expect(main.read().sequence).not.toBe(first);
  });

  it('counts calls as progress, but not waits or lock refreshes', () => {
    const [worker, main] = twoEnds();
    for (const state of ['waiting-for-room', 'waiting-for-data', 'locking'] as const) {
      worker.enter(state);
    }
    expect(main.read().calls).toBe(0);
    for (const state of ['scanning', 'reading', 'writing', 'committing', 'cleaning'] as const) {
      worker.enter(state);
    }
    expect(main.read().calls).toBe(5);
  });

  it('adds up the waits for room and for data separately', () => {
    const [worker, main] = twoEnds();
    worker.addWait('waiting-for-room', 1.5);
    worker.addWait('waiting-for-room', 2);
    worker.addWait('waiting-for-data', 7);
    expect(main.read()).toMatchObject({ waitedForRoomMs: 3.5, waitedForDataMs: 7 });
  });

  it('shows the end of a path that is too long for it', () => {
    const [worker, main] = twoEnds();
    worker.enter('scanning', `${'long/'.repeat(STATUS_PATH_BYTES)}end`);
    const { path } = main.read();
    expect(path).toHaveLength(STATUS_PATH_BYTES);
    expect(path.endsWith('/long/end')).toBe(true);
  });

  it('does not let a cancelled worker begin another call before its next job', () => {
    const [worker, main] = twoEnds();
    worker.enter('reading', 'a');
    main.cancel();
    expect(() => worker.enter('reading', 'b')).toThrow(
      expect.objectContaining({ code: 'interrupted' }),
    );
    expect(main.read()).toMatchObject({ path: 'a', calls: 1 });
    main.reset();
    worker.enter('reading', 'c');
    expect(main.read()).toMatchObject({ path: 'c', calls: 2 });
  });

  it('never shows half a path while a thread writes one after the other', async () => {
    const status = new WorkerStatus();
    const built = await buildModule('disk/worker-status.ts');
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Worker(BUSY_THREAD, {
      eval: true,
      workerData: { shared: status.shared, stop, module: built.href },
    });
    const ended = new Promise((resolve, reject) => thread.on('exit', resolve).on('error', reject));
    try {
      await new Promise((resolve) => thread.once('message', resolve));
      const seen = new Set<string>();
      // Until the other thread has run too, however busy the machine is.
      for (let look = 0; look < 20_000 || seen.size < 3; look++) seen.add(status.read().path);
      for (const path of seen) expect(path).toMatch(/^(?:(.)\1*)?$/);
    } finally {
      Atomics.store(stop, 0, 1);
      await ended;
      built.remove();
    }
  });
});

const BUSY_THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.module).then(({ WorkerStatus }) => {
    const status = new WorkerStatus(workerData.shared);
    const paths = ['a', 'b', 'c', 'd'].map((letter, i) => letter.repeat(50 * (i + 1)));
    for (let i = 0; Atomics.load(workerData.stop, 0) === 0; i++) {
      status.enter('reading', paths[i % paths.length]);
      if (i === 1000) parentPort.postMessage('busy');
    }
  });`;

function twoEnds(): [worker: WorkerStatus, main: WorkerStatus] {
  const main = new WorkerStatus();
  return [new WorkerStatus(main.shared), main];
}
