import { MAX_POOL_THREADS } from '../limits.ts';
import { CallQueue } from '../pool/call-queue.ts';
import type { DiskThread } from '../worker/disk-thread.ts';
import { endThread } from './thread-ends.ts';

/** Of all runs of this process. */
let count = 0;

/** The pool threads of a run, which serve the queues of its disk threads, and are gone when none is open. */
export class PoolThreads {
  readonly #start: () => DiskThread;
  /** The number of threads that serve each. */
  readonly #queues = new Map<CallQueue, number>();
  readonly #serving = new Map<DiskThread, Promise<void>>();
  #cancelled = false;

  constructor(start: () => DiskThread) {
    this.#start = start;
  }

  /** Those that have not ended. */
  get threads(): DiskThread[] {
    return [...this.#serving.keys()];
  }

  /** The same, with what settles when they serve no queue any more. */
  get serving(): { thread: DiskThread; done: Promise<void> }[] {
    return [...this.#serving].map(([thread, done]) => ({ thread, done }));
  }

  /** A disk thread's pool has opened. It may have to do without threads: then the disk thread makes all calls. */
  serve(shared: SharedArrayBuffer): void {
    const queue = new CallQueue(shared);
    if (this.#cancelled) return queue.cancel();
    if (queue.ended) return;
    this.#queues.set(queue, 0);
    for (let free = MAX_POOL_THREADS - count; free > 0; free--) this.#add();
  }

  /** Wakes all threads and the owners of their queues. */
  cancel(): void {
    this.#cancelled = true;
    for (const queue of this.#queues.keys()) queue.cancel();
    for (const thread of this.#serving.keys()) thread.cancel();
  }

  #add(): void {
    const thread = this.#start();
    count += 1;
    const done = this.#serveAll(thread);
    this.#serving.set(thread, done);
    void done.then(async () => {
      await endThread(thread);
      this.#serving.delete(thread);
      count -= 1;
    });
  }

  async #serveAll(thread: DiskThread): Promise<void> {
    for (let queue = this.#next(); queue !== undefined; queue = this.#next()) {
      this.#queues.set(queue, this.#queues.get(queue)! + 1);
      try {
        await thread.run('serveCalls', { queue: queue.shared });
      } catch {
        // It may have had a call, which is never done now.
        if (!queue.ended) queue.fail();
        return;
      } finally {
        this.#queues.set(queue, this.#queues.get(queue)! - 1);
      }
    }
  }

  /** The open queue that the fewest threads serve. */
  #next(): CallQueue | undefined {
    for (const queue of this.#queues.keys()) if (queue.ended) this.#queues.delete(queue);
    const [first] = [...this.#queues].toSorted(([, one], [, other]) => one - other);
    return first?.[0];
  }
}
