import { parentPort, workerData } from 'node:worker_threads';
import { Gauge } from '../disk/gauge.ts';
import { CtxsyncError } from '../errors.ts';
import { HANDLERS } from './job-handlers.ts';
import type { JobMessage, JobName, JobReply } from './jobs.ts';

/**
 * The thread that touches the disk, with synchronous calls, one job at a time. It knows nothing of
 * the wire: bytes come and go through rings.
 */
const { gauge: shared } = workerData as { gauge: SharedArrayBuffer };
const gauge = new Gauge(shared);

parentPort?.on('message', (message: JobMessage) => {
  const outcome = run(message);
  gauge.idle();
  reply(outcome);
});

function run<Name extends JobName>({ name, input }: JobMessage<Name>): JobReply {
  try {
    const result = HANDLERS[name](input, { gauge, say: (word) => reply({ type: 'word', word }) });
    return { type: 'result', result };
  } catch (thrown) {
    const { code, message, path, stack = '' } = CtxsyncError.from(thrown);
    return { type: 'error', code, message, path, stack };
  }
}

function reply(message: JobReply): void {
  parentPort?.postMessage(message);
}
