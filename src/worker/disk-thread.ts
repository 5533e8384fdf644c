import type { Worker } from 'node:worker_threads';
import { WorkerStatus } from '../disk/worker-status.ts';
import { CtxsyncError } from '../errors.ts';
import { DISK_THREAD_YOUNG_MB, POOL_THREAD_YOUNG_MB, STUCK_THREAD_MS } from '../limits.ts';
import { CallQueue } from '../pool/call-queue.ts';
import type { Side } from '../report.ts';
import { withTimeout } from '../with-timeout.ts';
import type { JobName, JobReply, Jobs, PathNote, UnnamedPaths } from './jobs.ts';
import { startWorker, type ThreadKind } from './start-worker.ts';

const CANCELLABLE = new Set<JobName>([
  'readIgnoreFile',
  'openContext',
  'pack',
  'list',
  'packWanted',
  'count',
  'survey',
  'explainPath',
  'listVerdicts',
  'readTar',
  'readEntries',
  'writeTar',
  'hasBase',
  'compare',
  'unpack',
  'itemize',
  'serveCalls',
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
   * Ends the current job before its next system call, and its pool; if it waits on a ring, the ring must wake it.
   * Jobs that would leave OUT half done continue: they are short, or are the cleanup itself.
   */
  cancel(): void;
  /**
   * Ends the thread.
   * @returns false if it is stuck in a system call: then it cannot be ended and is abandoned
   */
  end(): Promise<boolean>;
}

/** What a disk thread reports while a job runs. */
export interface ThreadListeners {
  /** A note about paths. */
  onNote: (note: PathNote | UnnamedPaths) => void;
  /** Its pool has opened: the queue of calls that other threads can make. */
  onPool: (queue: SharedArrayBuffer) => void;
}

export type StartDiskThread = (kind: ThreadKind, listeners: ThreadListeners) => DiskThread;

/** Started before it was asked for. */
let early: { side: Side; thread: WorkerThread } | undefined;

/** Starts the first thread that startDiskThread() will be asked for. */
export function startEarly(side: Side): void {
  early = { side, thread: new WorkerThread(side) };
}

export const startDiskThread: StartDiskThread = (kind, listeners) => {
  const thread = early?.side === kind ? early.thread : new WorkerThread(kind);
  if (thread === early?.thread) early = undefined;
  thread.listeners = listeners;
  return thread;
};

class WorkerThread implements DiskThread {
  readonly status = new WorkerStatus();
  readonly exited: Promise<void>;
  readonly #worker: Worker;
  listeners: ThreadListeners = { onNote: () => {}, onPool: () => {} };
  #running: Running | undefined;
  /** Of the pool of the current job, if that has opened. */
  #queue: CallQueue | undefined;
  #cancelled = false;
  #gone = false;

  constructor(kind: ThreadKind) {
    const youngMb = kind === 'pool' ? POOL_THREAD_YOUNG_MB : DISK_THREAD_YOUNG_MB;
    this.#worker = startWorker(kind, {
      workerData: { status: this.status.shared },
      resourceLimits: { maxYoungGenerationSizeMb: youngMb },
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
    this.#queue = undefined;
    this.#cancelled = false;
    return new Promise((resolve, reject) => {
      this.#running = { name, resolve: resolve as (result: unknown) => void, reject };
      this.#worker.postMessage({ name, input });
    });
  }

  cancel(): void {
    if (this.#running === undefined || !CANCELLABLE.has(this.#running.name)) return;
    this.#cancelled = true;
    this.status.cancel();
    this.#queue?.cancel();
  }

  async end(): Promise<boolean> {
    void this.#worker.terminate();
    await withTimeout(STUCK_THREAD_MS, this.exited);
    this.#worker.unref();
    return this.#gone;
  }

  #handleReply(reply: JobReply): void {
    if (reply.type === 'note') return this.listeners.onNote(reply.note);
    if (reply.type === 'pool') return this.#serve(reply.queue);
    if (reply.type === 'result') {
      const running = this.#running;
      this.#running = undefined;
      running?.resolve(reply.result);
      return;
    }
    const { type: _, code, message, stack, ...details } = reply;
    const cause = code === 'internal' ? stack : undefined;
    this.#fail(new CtxsyncError(code, message, { ...details, cause }));
  }

  #serve(shared: SharedArrayBuffer): void {
    this.#queue = new CallQueue(shared);
    if (this.#cancelled) this.#queue.cancel();
    else this.listeners.onPool(shared);
  }

  #fail(error: CtxsyncError): void {
    const running = this.#running;
    this.#running = undefined;
    running?.reject(error);
  }
}
