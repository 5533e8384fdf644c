import { DESTINATION_JOBS } from './destination-jobs.ts';
import { runJobs } from './run-jobs.ts';

/** A receiver's disk worker. */
runJobs(DESTINATION_JOBS);
