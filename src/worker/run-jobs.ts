import { parentPort, workerData } from 'node:worker_threads';
import { Gauge } from '../disk/gauge.ts';
import { CtxsyncError } from '../errors.ts';
import type { Handlers } from './job-context.ts';
import type { JobMessage, JobName, JobReply } from './jobs.ts';

/**
 * Makes this thread the one that touches the disk, with synchronous calls, one job at a time. It knows
 * nothing of the wire: bytes come and go through rings.
 *
 * @param handlers of the jobs that this side has: to load those of the other would take as long again
 */
export function runJobs(handlers: Partial<Handlers>): void {
  const { gauge: shared } = workerData as { gauge: SharedArrayBuffer };
  const gauge = new Gauge(shared);
  parentPort?.on('message', (message: JobMessage) => {
    const outcome = run(handlers, message, gauge);
    gauge.idle();
    reply(outcome);
  });
}

function run<Name extends JobName>(
  handlers: Partial<Handlers>,
  { name, input }: JobMessage<Name>,
  gauge: Gauge,
): JobReply {
  try {
    const handler = handlers[name];
    if (handler === undefined) throw new Error(`this side has no job ${name}`);
    const result = handler(input, { gauge, say: (word) => reply({ type: 'word', word }) });
    return { type: 'result', result };
  } catch (thrown) {
    const { code, message, path, stack = '' } = CtxsyncError.from(thrown);
    return { type: 'error', code, message, path, stack };
  }
}

function reply(message: JobReply): void {
  parentPort?.postMessage(message);
}
