import { runJobs } from './run-jobs.ts';
import { SOURCE_JOBS } from './source-jobs.ts';

/** A sender's disk worker. */
runJobs(SOURCE_JOBS);
