import { CtxsyncError } from '../errors.ts';
import { Ring } from '../flow/ring.ts';
import { MAX_SPARE_RINGS, RING_BYTES } from '../limits.ts';
import type { Side } from '../report.ts';
import type { RingFill, RingKind } from '../observe/sample.ts';
import { startDiskThread, type DiskThread, type StartDiskThread } from '../worker/disk-thread.ts';
import type { JobName, Jobs, PathNote, UnnamedPaths } from '../worker/jobs.ts';
import { PoolThreads } from './pool-threads.ts';
import { countAsStuck } from './stuck-threads.ts';
import { endThread, whileActive } from './thread-ends.ts';

/**
 * Memory of rings of finished runs, for reuse. Left to the garbage collector it would pile up to hundreds of
 * megabytes in a process that receives again and again.
 */
const spareRings: SharedArrayBuffer[] = [];

/** The kind of wait that is not a side's own work: it waits for the other side or the wire. */
const IDLE_IN = { sender: 'waitedForRoomMs', receiver: 'waitedForDataMs' } as const;
/** Jobs with the other side at both ends of their rings. */
const BETWEEN = new Set<JobName>(['packWanted', 'compare']);

interface RunningJob {
  name: JobName;
  startedAt: number;
  waitedBeforeMs: number;
  done: Promise<unknown>;
}

/** The disk threads and rings of one run: everything that must be gone when it ends. */
export class DiskThreads {
  readonly #threads = new Set<DiskThread>();
  readonly #rings = new Map<Ring, RingKind>();
  readonly #running = new Map<DiskThread, RunningJob>();
  readonly #side: Side;
  readonly #onNote: (note: PathNote | UnnamedPaths) => void;
  readonly #start: StartDiskThread;
  readonly #pool: PoolThreads;
  /** Called with each further thread that is started to make calls ahead of a disk thread. */
  onPoolThread: (thread: DiskThread) => void = () => {};
  #finishedMs = 0;
  #cancelled = false;
  #leftOver: ((thread: DiskThread) => Promise<unknown>) | undefined;

  /**
   * @param onNote gets notes about paths that are skipped or changed
   * @param start starts a thread; tests pass their own
   */
  constructor(
    side: Side,
    onNote: (note: PathNote | UnnamedPaths) => void,
    start: StartDiskThread = startDiskThread,
  ) {
    this.#side = side;
    this.#onNote = onNote;
    this.#start = start;
    this.#pool = new PoolThreads(() => {
      const thread = start('pool', { onNote, onPool: () => {} });
      this.onPoolThread(thread);
      return thread;
    });
  }

  /** @param onNote called instead of the run's own */
  start(onNote = this.#onNote): DiskThread {
    const onPool = (queue: SharedArrayBuffer): void => this.#pool.serve(queue);
    const thread = this.#start(this.#side, { onNote, onPool });
    this.#threads.add(thread);
    return thread;
  }

  /** @param kind what it carries */
  ring(kind: RingKind): Ring {
    const spare = spareRings.pop();
    const ring = spare === undefined ? Ring.create(RING_BYTES) : Ring.reuse(spare);
    this.#rings.set(ring, kind);
    if (this.#cancelled) ring.cancel();
    return ring;
  }

  /**
   * Ends a thread whose work is done, and releases its rings: a run may have more contexts than threads.
   * The thread's status can still be read.
   */
  async release(thread: DiskThread, ...rings: Ring[]): Promise<void> {
    this.#threads.delete(thread);
    for (const ring of rings) this.#rings.delete(ring);
    if (await endThread(thread)) for (const ring of rings) retire(ring);
  }

  /** How full the rings are, those of a kind together. */
  ringFills(): RingFill[] {
    const fills = new Map<RingKind, RingFill>();
    for (const [{ used, capacity }, kind] of this.#rings) {
      const { usedBytes = 0, capacityBytes = 0 } = fills.get(kind) ?? {};
      const fill = { usedBytes: usedBytes + used, capacityBytes: capacityBytes + capacity };
      fills.set(kind, { kind, ...fill });
    }
    return [...fills.values()];
  }

  /** Nothing new may be started. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /**
   * Runs a job. Its time, except for waiting on rings, counts as this side's own work.
   * @throws CtxsyncError what the job failed with; interrupted when the threads were cancelled
   */
  async run<Name extends JobName>(
    thread: DiskThread,
    name: Name,
    input: Jobs[Name]['input'],
  ): Promise<Jobs[Name]['result']> {
    if (this.#cancelled) throw new CtxsyncError('interrupted', 'the transfer was given up');
    const done = thread.run(name, input);
    const waitedBeforeMs = this.#waitedMs(thread, name);
    const job = { name, startedAt: performance.now(), waitedBeforeMs, done };
    this.#running.set(thread, job);
    try {
      return await done;
    } finally {
      this.#finishedMs += this.#workedMs(thread, job);
      this.#running.delete(thread);
    }
  }

  /** Milliseconds for which the jobs of this side have worked rather than waited. */
  workedMs(): number {
    let sum = this.#finishedMs;
    for (const [thread, job] of this.#running) sum += this.#workedMs(thread, job);
    return sum;
  }

  /** Wakes every waiting thread, and lets none begin another system call. */
  cancel(): void {
    this.#cancelled = true;
    this.#pool.cancel();
    for (const thread of this.#threads) thread.cancel();
    for (const ring of this.#rings.keys()) ring.cancel();
  }

  /** Waits until no job runs. False: a job is still in a system call that it began `withinMs` ago. */
  async settle(withinMs: number): Promise<boolean> {
    const jobs = [...this.#running].map(([thread, { done }]) => ({ thread, done }));
    const settled = [...jobs, ...this.#pool.serving].map(({ thread, done }) =>
      whileActive(thread, done, withinMs),
    );
    return (await Promise.all(settled)).every(Boolean);
  }

  /**
   * Cleans up after a cancelled run that has settled. Uses an idle thread if there is one: on a busy machine
   * starting one may take longer than the time that a disk has to answer.
   * @param withinMs the time that a disk has to answer
   */
  async cleanUp<Name extends JobName>(
    name: Name,
    input: Jobs[Name]['input'],
    withinMs: number,
  ): Promise<'done' | 'failed' | 'hung'> {
    const thread = [...this.#threads].find(({ idle }) => idle) ?? this.start();
    let failed = false;
    const done = thread.run(name, input).catch(() => (failed = true));
    if (!(await whileActive(thread, done, withinMs))) return 'hung';
    return failed ? 'failed' : 'done';
  }

  /**
   * Does what `cleanUp` could not do because a call hangs, once the threads have ended after all.
   * Otherwise a process that receives again and again would lock itself out.
   */
  cleanUpLater<Name extends JobName>(name: Name, input: Jobs[Name]['input']): void {
    this.#leftOver = (thread) => thread.run(name, input);
  }

  /**
   * Ends all threads; those that are stuck are counted.
   * @param released settles when nothing in the rings is being written to the transport
   */
  async end(released: Promise<void>): Promise<void> {
    const ended = await Promise.all([...this.#threads, ...this.#pool.threads].map(endThread));
    // A stuck thread may wake up and go on writing.
    if (ended.every(Boolean)) {
      void released.then(() => {
        for (const ring of this.#rings.keys()) retire(ring);
      });
    }
    if (this.#leftOver !== undefined) void this.#finish(this.#leftOver);
  }

  async #finish(leftOver: (thread: DiskThread) => Promise<unknown>): Promise<void> {
    const threads = [...this.#threads, ...this.#pool.threads];
    await Promise.all(threads.map(({ exited }) => exited));
    const thread = this.#start(this.#side, { onNote: () => {}, onPool: () => {} });
    // The disk may still hang: until that is known, a process that exits must not wait for it.
    const done = leftOver(thread);
    countAsStuck(done);
    try {
      await done;
    } catch {
      // The run has reported what is left; the next run on this destination removes it.
    }
    await endThread(thread);
  }

  #workedMs(thread: DiskThread, { name, startedAt, waitedBeforeMs }: RunningJob): number {
    return performance.now() - startedAt - (this.#waitedMs(thread, name) - waitedBeforeMs);
  }

  #waitedMs(thread: DiskThread, name: JobName): number {
    const status = thread.status.read();
    if (BETWEEN.has(name)) return status.waitedForRoomMs + status.waitedForDataMs;
    return status[IDLE_IN[this.#side]];
  }
}

function retire(ring: Ring): void {
  const shared = ring.retire();
  if (spareRings.length < MAX_SPARE_RINGS) spareRings.push(shared);
}
