import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { Side } from '../report.ts';

/** Starts the worker that has the jobs of one side. */
export type StartWorker = (side: Side, options: WorkerOptions) => Worker;

/** From the files of the library, unless the command, which is a single file, has its own way. */
export let startWorker: StartWorker = (side, options) =>
  new Worker(new URL(`./${side}-worker.cjs`, import.meta.url), options);

/** Makes every later worker start in another way. */
export function startWorkersBy(other: StartWorker): void {
  startWorker = other;
}
