import type { BytePath } from '../disk/byte-path.ts';
import type { WorkerStatus } from '../disk/worker-status.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_PATH_BYTES, MAX_POOL_STEPS, STUCK_THREAD_MS } from '../limits.ts';
import { CallQueue } from './call-queue.ts';
import { serve } from './file-calls.ts';
import type { CallKind, Slot } from './slot.ts';
import { SlowCalls } from './slow-calls.ts';

/** Has threads serve a queue, as many as there may be: the owner does not depend on them. */
export type StartPoolThreads = (queue: SharedArrayBuffer) => void;

/** What waits for its turn, behind all that was added before. */
export interface Step {
  /** Of the call that has to be done first, if there is one. */
  readonly slot?: Slot | undefined;
  /** Its turn has come. Its slot can be reused for the next call that is added. */
  settle(): void;
  /** Its turn does not come any more, because the job has failed. */
  drop?(): void;
}

/**
 * The owner's end of a pool of threads that make calls on files for a disk thread, several at a time.
 *
 * On a fast disk it only times a few calls. Once most of those are slow, the pool opens: then what can be done
 * ahead is added as a step with a call, up to MAX_POOL_STEPS at a time. Calls are made in any order by any
 * thread, the owner among them while it would only wait; steps are settled in their order, by the owner. So
 * what is done with the results does not differ from what is done without a pool, and the owner depends on no
 * other thread before that has taken a call.
 */
export class FilePool {
  readonly #status: WorkerStatus;
  readonly #startThreads: StartPoolThreads | undefined;
  readonly #slowCalls = new SlowCalls();
  readonly #steps: Step[] = [];
  #queue: CallQueue | undefined;

  /** @param startThreads absent: it never opens */
  constructor(status: WorkerStatus, startThreads?: StartPoolThreads) {
    this.#status = status;
    this.#startThreads = startThreads;
  }

  /** Calls are slow, and can be made ahead. */
  get isOpen(): boolean {
    return this.#queue !== undefined;
  }

  /** Call it before a call that an open pool could make. @returns what ended() needs */
  begin(): number {
    return this.#slowCalls.begin();
  }

  /** Call it when that call has returned. */
  ended(begun: number): void {
    if (begun === 0) return;
    this.#slowCalls.add(performance.now() - begun);
    if (this.#slowCalls.areMany) this.#open();
  }

  /** Another step can be added. */
  get hasRoom(): boolean {
    return this.#steps.length < MAX_POOL_STEPS;
  }

  /** Steps wait for their turn. */
  get isBusy(): boolean {
    return this.#steps.length > 0;
  }

  /**
   * The slot for a call, to be filled and added with its step; undefined if the owner has to make it.
   *
   * @param directory a descriptor of the entry's directory, which stays open until the step was settled
   * @param path the entry's, for messages; its last component is its name in the directory
   */
  slotFor(kind: CallKind, directory: number, path: BytePath): Slot | undefined {
    if (this.#queue === undefined || path.length > MAX_PATH_BYTES) return undefined;
    if (!this.hasRoom) return undefined;
    const slot = this.#queue.nextSlot;
    slot.ask(kind, directory, path);
    return slot;
  }

  /** Settles it at once, if it has no call and nothing comes before it. */
  add(step: Step): void {
    if (step.slot === undefined && !this.isBusy) return step.settle();
    this.#steps.push(step);
    if (step.slot !== undefined) this.#queue?.submit();
  }

  /**
   * Settles the first step, waiting for its call. When that fails, no other is settled.
   * @throws what the step throws; CtxsyncError interrupted, internal
   */
  settleFirst(): void {
    try {
      const [first] = this.#steps;
      if (first?.slot !== undefined) this.#waitFor(first.slot);
      this.#steps.shift()?.settle();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  settleAll(): void {
    while (this.isBusy) this.settleFirst();
  }

  /** Settles the first steps, as far as their calls are done. */
  settleDone(): void {
    while (this.#steps[0]?.slot?.isDone === true) this.settleFirst();
  }

  /**
   * The job is over, or has failed. Makes no further call, and waits for those that are being made: after that,
   * no thread uses a directory of the job.
   */
  close(): void {
    const steps = this.#steps.splice(0);
    const slots = steps.flatMap(({ slot }) => (slot === undefined ? [] : [slot]));
    this.#queue?.close(slots, STUCK_THREAD_MS);
    for (const step of steps) step.drop?.();
  }

  #open(): void {
    if (this.isOpen || this.#startThreads === undefined) return;
    this.#queue = new CallQueue();
    this.#startThreads(this.#queue.shared);
  }

  #waitFor(slot: Slot): void {
    const queue = this.#queue!;
    while (!slot.isDone && !queue.cancelled) {
      const taken = queue.tryTake();
      if (taken !== undefined) serve(queue, taken, this.#status);
      else {
        this.#status.enter('waiting-for-threads');
        queue.waitFor(slot);
      }
    }
    if (queue.cancelled) throw endedBy(queue);
  }
}

function endedBy(queue: CallQueue): CtxsyncError {
  if (queue.failed) return new CtxsyncError('internal', 'a pool thread ended unexpectedly');
  return new CtxsyncError('interrupted', 'the transfer was given up');
}
