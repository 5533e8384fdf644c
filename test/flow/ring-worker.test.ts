import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Ring } from '../../src/flow/ring.ts';
import { RING_GATHER_MS } from '../../src/limits.ts';
import { buildModule, type BuiltModule } from '../helpers/cli/built-module.ts';
import { settle, someBytes, until } from '../helpers/wire/harness.ts';

let built: BuiltModule;
beforeAll(async () => {
  built = await buildModule('flow/ring.ts');
});
afterAll(() => built.remove());

interface Blocked {
  worker: Worker;
  /** Shared with the worker: [0] counts its rounds, [1] is set before it begins. */
  words: Int32Array;
  result: Promise<unknown>;
}

/** Runs `body` on its own thread, with `ring` and `words` in scope. */
function onWorker(ring: Ring, body: string): Blocked {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const code = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.built).then(({ Ring }) => {
      const ring = new Ring(workerData.shared);
      const words = workerData.words;
      Atomics.store(words, 1, 1);
      parentPort.postMessage((() => { ${body} })());
    });`;
  const workerData = { built: built.href, shared: ring.shared, words };
  const worker = new Worker(code, { eval: true, workerData });
  const result = new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { worker, words, result };
}

const COUNT_BYTES = `
  let sum = 0;
  for (;;) {
    const why = ring.waitForData();
    if (why !== 'data') return { why, sum };
    const bytes = ring.readable();
    for (const byte of bytes) sum = (sum * 31 + byte) >>> 0;
    ring.consumed(bytes.length);
    Atomics.add(words, 0, 1);
  }`;
const WRITE_BYTES = `
  for (let i = 0; i < 100000; i++) {
    if (ring.writable().length === 0 && !ring.waitForRoom()) return 'cancelled';
    ring.writable()[0] = i * 7;
    ring.produced(1);
    Atomics.store(words, 0, i + 1);
  }
  ring.end();
  return 'written';`;

test('a full ring blocks the writer; every byte arrives in order', async () => {
  const ring = Ring.create(256);
  const { words, result } = onWorker(ring, WRITE_BYTES);
  await until(() => Atomics.load(words, 0) === 256);
  for (let turn = 0; turn < 20; turn++) await settle();
  expect(Atomics.load(words, 0)).toBe(256);

  let at = 0;
  while (!ring.drained) {
    await ring.data();
    const bytes = ring.readable();
    for (const byte of bytes) if (byte !== ((at++ * 7) & 0xff)) throw new Error(`at ${at}`);
    ring.consumed(bytes.length);
  }
  expect([at, await result]).toEqual([100_000, 'written']);
});

test.each([1, 63, 64, 65, 255])(
  'a reader that takes %i bytes at a time leaves no writer asleep',
  async (most) => {
    const ring = Ring.create(256);
    const { result } = onWorker(ring, WRITE_BYTES);
    let count = 0;
    while (!ring.drained) {
      await ring.data();
      const taken = Math.min(most, ring.readable().length);
      ring.consumed(taken);
      count += taken;
    }
    expect([count, await result]).toEqual([100_000, 'written']);
  },
);

test('an empty ring blocks the reader; every byte arrives in order, then the end', async () => {
  const ring = Ring.create(256);
  const { words, result } = onWorker(ring, COUNT_BYTES);
  await until(() => Atomics.load(words, 1) === 1);
  for (let turn = 0; turn < 20; turn++) await settle();
  expect(Atomics.load(words, 0)).toBe(0);

  const bytes = someBytes(100_000);
  for (let at = 0; at < bytes.length;) {
    await ring.room();
    at += ring.write(bytes.subarray(at));
  }
  ring.end();
  const sum = bytes.reduce((s, byte) => (s * 31 + byte) >>> 0, 0);
  // 31 x 2^32 is still exact.
  expect(await result).toEqual({ why: 'end', sum });
});

test('cancel wakes a blocked writer', async () => {
  const ring = Ring.create(256);
  const { words, result } = onWorker(ring, WRITE_BYTES);
  await until(() => Atomics.load(words, 0) === 256);
  ring.cancel();
  expect(await result).toBe('cancelled');
});

test('cancel wakes a blocked reader, and takes precedence over data', async () => {
  const ring = Ring.create(256);
  const { words, result } = onWorker(ring, COUNT_BYTES);
  await until(() => Atomics.load(words, 1) === 1);
  ring.cancel();
  ring.write(someBytes(1));
  expect(await result).toEqual({ why: 'cancelled', sum: 0 });
});

test('a reader can wait for a limited time', async () => {
  const ring = Ring.create(256);
  expect(await onWorker(ring, 'return ring.waitForData(1)').result).toBe('timeout');
  ring.write(someBytes(1));
  expect(await onWorker(ring, 'return ring.waitForData(1)').result).toBe('data');
});

test('bytes that come one at a time, each after a wait, wake the reader each time', async () => {
  const ring = Ring.create(256);
  const { words, result } = onWorker(ring, COUNT_BYTES);
  await until(() => Atomics.load(words, 1) === 1);
  for (let count = 1; count <= 300; count++) {
    // Some come while the ring gathers bytes, some later.
    if (count % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 2 * RING_GATHER_MS));
    ring.write(Uint8Array.of(1));
    await until(() => Atomics.load(words, 0) === count);
  }
  ring.end();
  expect(await result).toMatchObject({ why: 'end' });
});
