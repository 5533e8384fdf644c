import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { Side } from '../report.ts';

/** What a worker has: the jobs of one side, or calls for the pool of such a worker. */
export type ThreadKind = Side | 'pool';

export type StartWorker = (kind: ThreadKind, options: WorkerOptions) => Worker;

/** From the files of the library, unless the command, which is a single file, has its own way. */
export let startWorker: StartWorker = (kind, options) =>
  new Worker(new URL(`./${kind}-worker.cjs`, import.meta.url), options);

/** Makes every later worker start in another way. */
export function startWorkersBy(other: StartWorker): void {
  startWorker = other;
}
