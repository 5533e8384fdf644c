import { WorkerStatus } from '../../../src/disk/worker-status.ts';
import { CtxsyncError } from '../../../src/errors.ts';
import type { DiskThread } from '../../../src/worker/disk-thread.ts';
import type { JobName, Jobs } from '../../../src/worker/jobs.ts';

/** A disk thread that the test controls: it does nothing until the test sets the outcome. */
export class FakeDiskThread implements DiskThread {
  readonly status = new WorkerStatus();
  readonly exited: Promise<void>;
  /** Names of the jobs that were started. */
  readonly jobs: JobName[] = [];
  /** It is inside a system call that does not return, so it cannot be terminated. */
  isStuck = false;
  isCancelled = false;
  hasEnded = false;
  #settle: { resolve: (result: never) => void; reject: (error: Error) => void } | undefined;
  #exit = (): void => {};

  constructor() {
    this.exited = new Promise((resolve) => (this.#exit = resolve));
  }

  get idle(): boolean {
    return this.#settle === undefined && !this.hasEnded;
  }

  run<Name extends JobName>(name: Name): Promise<Jobs[Name]['result']> {
    this.jobs.push(name);
    return new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
  }

  finish(result?: unknown): void {
    this.#settle?.resolve(result as never);
    this.#settle = undefined;
  }

  fail(error: Error): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
  }

  cancel(): void {
    this.isCancelled = true;
    if (!this.isStuck) this.fail(new CtxsyncError('interrupted', 'cancelled'));
  }

  end(): Promise<boolean> {
    if (this.isStuck) return Promise.resolve(false);
    this.exit();
    return Promise.resolve(true);
  }

  /** The call returned after all. */
  exit(): void {
    this.hasEnded = true;
    this.#exit();
  }
}
