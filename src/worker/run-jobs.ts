import { parentPort, workerData } from 'node:worker_threads';
import { WorkerStatus } from '../disk/worker-status.ts';
import { CtxsyncError } from '../errors.ts';
import { FilePool } from '../pool/file-pool.ts';
import type { Handlers, JobContext } from './job-context.ts';
import type { JobMessage, JobName, JobReply } from './jobs.ts';
import { PathNoteLimiter } from './path-note-limiter.ts';

/**
 * Makes this thread the one that accesses the disk, with synchronous calls, one job at a time. It knows
 * nothing of the wire: bytes come and go through rings.
 *
 * @param handlers of this side's jobs only: loading those of the other would double the load time
 */
export function runJobs(handlers: Partial<Handlers>): void {
  const { status: shared } = workerData as { status: SharedArrayBuffer };
  const status = new WorkerStatus(shared);
  const notes = new PathNoteLimiter((note) => reply({ type: 'note', note }));
  parentPort?.on('message', (message: JobMessage) => {
    const pool = new FilePool(status, (queue) => reply({ type: 'pool', queue }));
    const outcome = run(handlers, message, { status, pool, note: (note) => notes.add(note) });
    pool.close();
    notes.flush();
    status.idle();
    reply(outcome);
  });
}

function run<Name extends JobName>(
  handlers: Partial<Handlers>,
  { name, input }: JobMessage<Name>,
  context: JobContext,
): JobReply {
  try {
    const handler = handlers[name];
    if (handler === undefined) throw new Error(`this side has no job ${name}`);
    const result = handler(input, context);
    return { type: 'result', result };
  } catch (thrown) {
    const error = CtxsyncError.from(thrown);
    const { code, message, path, line, remedy, holder, forPeer, stack = '' } = error;
    return { type: 'error', code, message, path, line, remedy, holder, forPeer, stack };
  }
}

function reply(message: JobReply): void {
  parentPort?.postMessage(message);
}
