import { DESTINATION_JOBS } from './destination-jobs.ts';
import type { Handlers } from './job-context.ts';
import { SOURCE_JOBS } from './source-jobs.ts';
import { TAR_JOBS } from './tar-jobs.ts';

/** What a disk worker does for each job. */
export const HANDLERS: Handlers = { ...SOURCE_JOBS, ...DESTINATION_JOBS, ...TAR_JOBS };
