import { Ring } from '../flow/ring.ts';
import { loadRules } from '../ignore/load-rules.ts';
import { explainPath } from '../survey/explain-path.ts';
import { surveyContext } from '../survey/survey.ts';
import { listVerdicts } from '../survey/verdict-list.ts';
import type { VisitOptions } from '../survey/visit-context.ts';
import type { Handlers, JobContext } from './job-context.ts';
import type { OpenedContext } from './jobs.ts';
import { RingSink } from './ring-io.ts';

/** What a sender's disk worker does to explain a context. */
export const SURVEY_JOBS: Pick<Handlers, 'survey' | 'explainPath' | 'listVerdicts'> = {
  survey: ({ source, measureIgnored, largest, largeBytes }, context) => {
    const options = visitOptions(source, measureIgnored, context);
    return surveyContext({ ...options, ignoreFile: source.ignoreFile, largest, largeBytes });
  },

  explainPath: ({ source, path, measureIgnored }, context) =>
    explainPath(path, visitOptions(source, measureIgnored, context)),

  listVerdicts: ({ source, measureIgnored, name, nullTerminated, ring: shared }, context) => {
    const ring = new Ring(shared);
    const options = visitOptions(source, measureIgnored, context);
    listVerdicts({ ...options, name, nullTerminated }, new RingSink(ring, context.status));
    ring.end();
  },
};

function visitOptions(
  { root, identity, ignoreFile, rules: given }: OpenedContext,
  measureIgnored: boolean,
  { status }: JobContext,
): VisitOptions {
  return { root, identity, rules: loadRules(ignoreFile, given), status, measureIgnored };
}
