import type { Worker } from 'node:worker_threads';
import { WorkerStatus } from '../disk/worker-status.ts';
import { CtxsyncError } from '../errors.ts';
import { DISK_THREAD_YOUNG_MB, STUCK_THREAD_MS } from '../limits.ts';
import type { Side } from '../report.ts';
import { withTimeout } from '../with-timeout.ts';
import type { JobName, JobReply, Jobs, PathNote, UnnamedPaths } from './jobs.ts';
import { startWorker } from './start-worker.ts';

const CANCELLABLE = new Set<JobName>([
  'readIgnoreFile',
  'openContext',
  'pack',
  'list',
  'packWanted',
  'count',
  'readTar',
  'readEntries',
  'writeTar',
  'hasBase',
  'compare',
  'unpack',
]);

interface Running {
  name: JobName;
  resolve: (result: unknown) => void;
  reject: (error: CtxsyncError) => void;
}

/** The main thread's end of a disk thread. */
export interface DiskThread {
  /** What the thread is doing, written by the thread itself. */
  readonly status: WorkerStatus;
  /** Resolves when the thread has ended, however late. */
  readonly exited: Promise<void>;
  /** Whether it can start a job at once. */
  readonly idle: boolean;
  /**
   * Runs one job; only one at a time.
   * @throws CtxsyncError the error of the job; interrupted after `cancel`
   */
  run<Name extends JobName>(name: Name, input: Jobs[Name]['input']): Promise<Jobs[Name]['result']>;
  /**
   * Ends the current job before its next system call; if it waits on a ring, the ring must wake it.
   * Jobs that would leave OUT half done continue: they are short, or are the cleanup itself.
   */
  cancel(): void;
  /**
   * Ends the thread.
   * @returns false if it is stuck in a system call: then it cannot be ended and is abandoned
   */
  end(): Promise<boolean>;
}

/**
 * @param side whose jobs it can run
 * @param onNote receives notes about paths while a job runs
 */
export type StartDiskThread = (
  side: Side,
  onNote: (note: PathNote | UnnamedPaths) => void,
) => DiskThread;

/** Started before it was asked for. */
let early: { side: Side; thread: WorkerThread } | undefined;

/** Starts the first thread that startDiskThread() will be asked for. */
export function startEarly(side: Side): void {
  early = { side, thread: new WorkerThread(side) };
}

export const startDiskThread: StartDiskThread = (side, onNote) => {
  const thread = early?.side === side ? early.thread : new WorkerThread(side);
  if (thread === early?.thread) early = undefined;
  thread.onNote = onNote;
  return thread;
};

class WorkerThread implements DiskThread {
  readonly status = new WorkerStatus();
  readonly exited: Promise<void>;
  readonly #worker: Worker;
  onNote: Parameters<StartDiskThread>[1] = () => {};
  #running: Running | undefined;
  #gone = false;

  constructor(side: Side) {
    this.#worker = startWorker(side, {
      workerData: { status: this.status.shared },
      resourceLimits: { maxYoungGenerationSizeMb: DISK_THREAD_YOUNG_MB },
      // Otherwise Node opens process.stdout and process.stderr, and shared pipes become non-blocking.
      stdout: true,
      stderr: true,
    });
    this.#worker.on('message', (reply: JobReply) => this.#handleReply(reply));
    this.#worker.on('error', (error) => this.#fail(CtxsyncError.from(error)));
    this.exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#gone = true;
        this.#fail(new CtxsyncError('internal', 'the disk thread ended unexpectedly'));
        resolve();
      });
    });
  }

  get idle(): boolean {
    return this.#running === undefined && !this.#gone;
  }

  run<Name extends JobName>(name: Name, input: Jobs[Name]['input']): Promise<Jobs[Name]['result']> {
    if (this.#running !== undefined) throw new Error(`the disk thread is busy; cannot ${name}`);
    this.status.reset();
    return new Promise((resolve, reject) => {
      this.#running = { name, resolve: resolve as (result: unknown) => void, reject };
      this.#worker.postMessage({ name, input });
    });
  }

  cancel(): void {
    if (this.#running !== undefined && CANCELLABLE.has(this.#running.name)) this.status.cancel();
  }

  async end(): Promise<boolean> {
    void this.#worker.terminate();
    await withTimeout(STUCK_THREAD_MS, this.exited);
    this.#worker.unref();
    return this.#gone;
  }

  #handleReply(reply: JobReply): void {
    if (reply.type === 'note') return this.onNote(reply.note);
    if (reply.type === 'result') {
      const running = this.#running;
      this.#running = undefined;
      running?.resolve(reply.result);
      return;
    }
    const { code, message, path, remedy, forPeer, stack } = reply;
    const cause = code === 'internal' ? stack : undefined;
    this.#fail(new CtxsyncError(code, message, { path, remedy, forPeer, cause }));
  }

  #fail(error: CtxsyncError): void {
    const running = this.#running;
    this.#running = undefined;
    running?.reject(error);
  }
}
