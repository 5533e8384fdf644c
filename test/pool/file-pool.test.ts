import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { destinationError } from '../../src/disk/system-error.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { MAX_PATH_BYTES, MAX_POOL_FILE_BYTES, MAX_POOL_STEPS } from '../../src/limits.ts';
import { CallQueue } from '../../src/pool/call-queue.ts';
import { FilePool } from '../../src/pool/file-pool.ts';
import { OK, type CallKind, type Slot } from '../../src/pool/slot.ts';
import { buildModule, type BuiltModule } from '../helpers/cli/built-module.ts';
import { directoryInTest } from '../helpers/trees/directory-in-test.ts';
import { until } from '../helpers/until.ts';

const MODE = 0o640;
const MTIME_SECONDS = 1_500_000_000;

let poolWorker: BuiltModule;
let callQueue: BuiltModule;
beforeAll(async () => {
  poolWorker = await buildModule('worker/pool-worker.ts');
  callQueue = await buildModule('pool/call-queue.ts');
});
afterAll(() => {
  poolWorker.remove();
  callQueue.remove();
});

/** How the job of each thread ends, by its status. */
const served = new Map<SharedArrayBuffer, Promise<string>>();

/** A pool that has opened. @param threads that serve it */
function openPool(threads: number): { pool: FilePool; queue: CallQueue; statuses: WorkerStatus[] } {
  let queue: CallQueue | undefined;
  const statuses = Array.from({ length: threads }, () => new WorkerStatus());
  const pool = new FilePool(new WorkerStatus(), (shared) => {
    queue = new CallQueue(shared);
    for (const { shared: status } of statuses) {
      const worker = new Worker(new URL(poolWorker.href), { workerData: { status } });
      worker.postMessage({ name: 'serveCalls', input: { queue: shared } });
      const reply = new Promise<string>((resolve) =>
        worker.once('message', ({ type }) => resolve(type)),
      );
      served.set(status, reply);
      onTestFinished(() => void worker.terminate());
    }
  });
  while (!pool.isOpen) pool.ended(performance.now() - 1_000);
  onTestFinished(() => pool.close());
  return { pool, queue: queue!, statuses };
}

/** Another thread takes a call, and then runs `body` with the `queue`, the `slot` and the paths in `files`. */
async function takesCall(queue: CallQueue, body: string, files: string[] = []): Promise<void> {
  const words = new Int32Array(new SharedArrayBuffer(4));
  const code = `
    const { existsSync } = require('node:fs');
    const { workerData } = require('node:worker_threads');
    const { built, shared, words, files } = workerData;
    import(built).then(({ CallQueue }) => {
      const queue = new CallQueue(shared);
      const slot = queue.take();
      Atomics.store(words, 0, 1);
      ${body}
    });`;
  const workerData = { built: callQueue.href, shared: queue.shared, words, files };
  const worker = new Worker(code, { eval: true, workerData });
  onTestFinished(() => void worker.terminate());
  await until('the call is taken', () => Atomics.load(words, 0) === 1);
}

const UNTIL_FILES_EXIST = `
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  while (!files.every((file) => existsSync(file))) Atomics.wait(sleep, 0, 0, 5);`;

/** A directory of files that hold their own names, and its descriptor. */
function someFiles(count: number): { directory: string; fd: number; names: string[] } {
  const names = Array.from({ length: count }, (_, at) => `file-${at}`);
  const directory = directoryInTest((path) => {
    for (const name of names) writeFileSync(join(path, name), name);
  });
  return { directory, fd: hold(directory), names };
}

function hold(directory: string): number {
  const fd = openSync(directory, 'r');
  onTestFinished(() => closeSync(fd));
  return fd;
}

function submit(
  pool: FilePool,
  [kind, fd, path]: [CallKind, number, string],
  settle: (slot: Slot) => void = () => {},
): void {
  while (!pool.hasRoom) pool.settleFirst();
  const slot = pool.slotFor(kind, fd, path)!;
  if (kind === 'write') {
    const length = slot.room.length - 1;
    slot.room.fill(path.length);
    const openMode = 0o600;
    slot.file = { length, mode: MODE, openMode, atimeSeconds: 0, mtimeSeconds: MTIME_SECONDS };
  }
  pool.add({ slot, settle: () => settle(slot) });
}

function text(slot: Slot): string {
  return Buffer.from(slot.content).toString();
}

function thrownBy(run: () => void): CtxsyncError {
  try {
    run();
  } catch (error) {
    return CtxsyncError.from(error);
  }
  throw new Error('nothing was thrown');
}

describe('a pool', () => {
  test('stays closed while calls are fast, whatever single ones take', () => {
    let started = 0;
    const pool = new FilePool(new WorkerStatus(), () => (started += 1));
    for (let call = 0; call < 10_000; call++) {
      const begun = pool.begin();
      pool.ended(begun);
      if (call % 50 === 0) pool.ended(performance.now() - 1_000);
    }
    expect([pool.isOpen, started]).toEqual([false, 0]);
    expect(pool.slotFor('look', 0, 'a')).toBeUndefined();
  });

  test('opens once more than two of three calls are slow', () => {
    let started = 0;
    const pool = new FilePool(new WorkerStatus(), () => (started += 1));
    for (let call = 0; call < 100; call++) {
      pool.ended(performance.now());
      for (let slow = 0; slow < 3; slow++) pool.ended(performance.now() - 1_000);
    }
    expect([pool.isOpen, started]).toEqual([true, 1]);
  });

  test.each([0, 1, 4])('settles steps in their order, with %i threads', (threads) => {
    const { pool } = openPool(threads);
    const { fd, names } = someFiles(500);
    const settled: string[] = [];
    for (const name of names) {
      submit(pool, ['read', fd, `a/b/${name}`], (slot) => settled.push(text(slot)));
      pool.add({ settle: () => settled.push(`after ${name}`) });
    }
    pool.settleAll();
    expect(settled).toEqual(names.flatMap((name) => [name, `after ${name}`]));
  });

  test('lets later calls be made while it waits for the first one', async () => {
    const { pool, queue } = openPool(0);
    const directory = directoryInTest();
    const fd = hold(directory);
    const names = ['a', 'b', 'c'];
    const settled: [string, number][] = [];
    for (const name of names) {
      submit(pool, ['write', fd, name], ({ outcome }) => settled.push([name, outcome]));
    }
    const others = names.slice(1).map((name) => join(directory, name));
    await takesCall(queue, `${UNTIL_FILES_EXIST} queue.finish(slot, -28);`, others);
    pool.settleAll();
    expect(settled).toEqual([
      ['a', -28],
      ['b', OK],
      ['c', OK],
    ]);
  });

  test('holds no more than so many steps, and leaves paths that are too long to its owner', () => {
    const { pool } = openPool(0);
    const fd = hold(directoryInTest());
    expect(pool.slotFor('look', fd, 'x'.repeat(MAX_PATH_BYTES + 1))).toBeUndefined();
    for (let step = 0; step < MAX_POOL_STEPS; step++) {
      pool.add({ slot: pool.slotFor('look', fd, `missing-${step}`), settle: () => {} });
    }
    expect([pool.hasRoom, pool.slotFor('look', fd, 'a')]).toEqual([false, undefined]);
    pool.settleFirst();
    expect(pool.hasRoom).toBe(true);
  });

  test('settles nothing after a step that fails', () => {
    const { pool } = openPool(2);
    const fd = hold(directoryInTest());
    const told: string[] = [];
    const step = (name: string): void => {
      const settle = (): void => {
        told.push(name);
        if (name === 'b') throw new CtxsyncError('no-space', 'b');
      };
      const slot = pool.slotFor('look', fd, name);
      pool.add({ slot, settle, drop: () => told.push(`without ${name}`) });
    };
    for (const name of ['a', 'b', 'c', 'd']) step(name);
    expect(thrownBy(() => pool.settleAll()).code).toBe('no-space');
    pool.settleAll();
    expect(told).toEqual(['a', 'b', 'without c', 'without d']);
  });
});

describe('the end of a pool', () => {
  test('makes no call that nobody has taken, and waits for those that are under way', async () => {
    const { pool, queue } = openPool(0);
    const directory = directoryInTest();
    const fd = hold(directory);
    for (const name of ['a', 'b', 'c']) submit(pool, ['write', fd, name]);
    const signal = join(directory, 'signal');
    const finish = `require('node:fs').writeFileSync(files[0], ''); queue.finish(slot, 0);`;
    await takesCall(queue, `while (!queue.ended); ${finish}`, [signal]);
    pool.close();
    expect(readdirSync(directory)).toEqual(['signal']);
  });

  test.each([
    ['the run was cancelled', 'queue.cancel();', 'interrupted'],
    ['its thread ended unexpectedly', 'queue.fail();', 'internal'],
  ])('comes although a call is stuck, when %s', async (_, happens, code) => {
    const { pool, queue } = openPool(0);
    const fd = hold(directoryInTest());
    submit(pool, ['look', fd, 'a']);
    // It waits until the owner does, and never finishes its call.
    const words = 'new Int32Array(new SharedArrayBuffer(4))';
    await takesCall(queue, `Atomics.wait(${words}, 0, 0, 50); ${happens}`);
    expect(thrownBy(() => pool.settleAll()).code).toBe(code);
  });

  test('frees the threads that wait for calls', async () => {
    const { pool, statuses } = openPool(2);
    const { fd, names } = someFiles(100);
    for (const name of names) submit(pool, ['read', fd, name]);
    pool.settleAll();
    pool.close();
    expect(await Promise.all(statuses.map(({ shared }) => served.get(shared)!))).toEqual([
      'result',
      'result',
    ]);
  });
});

describe('a call', () => {
  test('writes a file with its content, mode and time', () => {
    const { pool } = openPool(1);
    const directory = directoryInTest();
    submit(pool, ['write', hold(directory), 'x/y/name']);
    pool.settleAll();
    const { mode, size, mtimeMs } = statSync(join(directory, 'name'));
    expect([mode & 0o7777, size, mtimeMs]).toEqual([
      MODE,
      MAX_POOL_FILE_BYTES - 1,
      MTIME_SECONDS * 1_000,
    ]);
    expect(readFileSync(join(directory, 'name')).every((byte) => byte === 8)).toBe(true);
  });

  test('reads nothing but small files whole, and follows no symlink', () => {
    const { pool } = openPool(1);
    const directory = directoryInTest((path) => {
      writeFileSync(join(path, 'empty'), '');
      writeFileSync(join(path, 'full'), Buffer.alloc(MAX_POOL_FILE_BYTES - 1));
      writeFileSync(join(path, 'large'), Buffer.alloc(MAX_POOL_FILE_BYTES));
      mkdirSync(join(path, 'directory'));
      symlinkSync('full', join(path, 'link'));
    });
    const fd = hold(directory);
    const outcomes: Record<string, number> = {};
    for (const name of ['empty', 'full', 'large', 'directory', 'link', 'missing']) {
      submit(pool, ['read', fd, name], (slot) => {
        outcomes[name] = slot.outcome === OK ? slot.content.length : -1;
      });
    }
    pool.settleAll();
    const full = MAX_POOL_FILE_BYTES - 1;
    expect(outcomes).toEqual({ empty: 0, full, large: -1, directory: -1, link: -1, missing: -1 });
  });

  test('sees what lstat sees', () => {
    const { pool } = openPool(1);
    const { directory, fd } = someFiles(1);
    let seen: unknown;
    submit(pool, ['look', fd, 'file-0'], ({ stats }) => {
      seen = { ...stats, is: [stats.isFile(), stats.isDirectory(), stats.isSymbolicLink()] };
    });
    pool.settleAll();
    const { dev, ino, mode, nlink, uid, size, ...times } = lstatSync(join(directory, 'file-0'), {
      bigint: true,
    });
    const { mtimeNs, ctimeNs, birthtimeNs } = times;
    const is = [true, false, false];
    const figures = { dev, ino, mode, nlink, uid, size, mtimeNs, ctimeNs, birthtimeNs };
    expect(seen).toEqual({ ...figures, is });
  });

  test('that fails has the error that its owner would have had', () => {
    const { pool } = openPool(1);
    const { fd } = someFiles(1);
    let error: Error | undefined;
    submit(pool, ['write', fd, 'file-0'], (slot) => (error = slot.error));
    pool.settleAll();
    expect(error).toMatchObject({ code: 'EEXIST' });
    expect(destinationError(error, 'write', 'file-0').message).toBe(
      'cannot write file-0: file already exists (EEXIST)',
    );
  });

  test('shows in the status of its thread, which is idle between two calls', async () => {
    const { pool, statuses } = openPool(1);
    const { fd, names } = someFiles(1);
    submit(pool, ['read', fd, names[0]!]);
    const [status] = statuses;
    await until('the thread has made it', () => status!.read().calls > 0);
    await until('the thread is idle', () => status!.read().state === 'idle');
    pool.settleAll();
  });
});
