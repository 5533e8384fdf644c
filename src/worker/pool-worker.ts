import { serveCalls } from '../pool/serve-calls.ts';
import { runJobs } from './run-jobs.ts';

/** A thread of a disk worker's pool. */
runJobs({ serveCalls: ({ queue }, { status }) => serveCalls(queue, status) });
