import type { WorkerStatus } from '../disk/worker-status.ts';
import { CallQueue } from './call-queue.ts';
import { serve } from './file-calls.ts';

/**
 * A pool thread's work: makes the calls of a queue until its owner closes it.
 * @throws CtxsyncError interrupted
 */
export function serveCalls(shared: SharedArrayBuffer, status: WorkerStatus): void {
  const queue = new CallQueue(shared);
  for (;;) {
    let slot = queue.tryTake();
    if (slot === undefined) {
      status.idle();
      slot = queue.take();
    }
    if (slot === undefined) return;
    serve(queue, slot, status);
  }
}
