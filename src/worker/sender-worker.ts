import { runJobs } from './run-jobs.ts';
import { SURVEY_JOBS } from './survey-jobs.ts';
import { SOURCE_JOBS } from './source-jobs.ts';

/** A sender's disk worker. */
runJobs({ ...SOURCE_JOBS, ...SURVEY_JOBS });
