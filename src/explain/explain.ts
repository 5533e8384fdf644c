import { fromText, toText } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import { DEFAULT_LARGE_CONTEXT_BYTES, DEFAULT_LARGEST, MAX_LARGEST } from '../limits.ts';
import { checkContexts } from '../send/check-contexts.ts';
import type { DirectoryContext } from '../send/context.ts';
import type { PathExplanation } from '../survey/path-report.ts';
import type { ContextSurvey } from '../survey/survey-report.ts';
import { RingOutput } from '../transfer/ring-output.ts';
import type { Outgoing } from '../transport/transport.ts';
import { ContextReader } from './context-reader.ts';
import type { ExplainOptions } from './explain-options.ts';

/** A context, and what was found out about it. */
export interface ExplainedContext extends ContextSurvey {
  /** '' for the unnamed context. */
  name: string;
}

/** A context, and what becomes of the paths that were asked for. */
export interface ExplainedPaths {
  /** '' for the unnamed context. */
  name: string;
  /** Resolved. */
  directory: string;
  paths: PathExplanation[];
}

/**
 * Finds out what contexts hold, what of it would be sent and why, without a receiver. What cannot be read
 * is reported, and is no failure.
 * @throws CtxsyncError usage, bad-ignore-rule, source-missing, source-unreadable: of the root; interrupted;
 *   stalled
 */
export async function explain(options: ExplainOptions): Promise<ExplainedContext[]> {
  const { largest = DEFAULT_LARGEST, largeBytes = DEFAULT_LARGE_CONTEXT_BYTES } = options;
  if (largest > MAX_LARGEST) {
    throw new CtxsyncError('usage', `at most ${MAX_LARGEST} of the largest can be listed`);
  }
  return readEach(options, async (context, reader) => {
    const source = await reader.open(context);
    const { measureIgnored = true } = options;
    const survey = await reader.run('survey', { source, measureIgnored, largest, largeBytes });
    return { name: context.name ?? '', ...survey };
  });
}

/**
 * Explains what becomes of paths of each context, and which rules decide; they need not be there.
 * @param paths as text: relative to the context, or else to the working directory, or absolute
 * @throws CtxsyncError as explain(); usage, where a path is not in the context
 */
export function explainPaths(
  options: ExplainOptions,
  paths: readonly string[],
): Promise<ExplainedPaths[]> {
  return readEach(options, async (context, reader) => {
    const source = await reader.open(context);
    const { measureIgnored = true } = options;
    const explained: PathExplanation[] = [];
    for (const path of paths) {
      explained.push(await reader.run('explainPath', { source, path, measureIgnored }));
    }
    const directory = toText(source.root);
    return { name: context.name ?? '', directory, paths: explained };
  });
}

/**
 * Writes a line for each path of each context: see survey/verdict-list.ts.
 * @throws CtxsyncError as explain(); peer-gone, where nobody reads any more
 */
export async function listVerdicts(
  options: ExplainOptions & { nullTerminated: boolean },
  to: Outgoing,
): Promise<void> {
  const { measureIgnored = true, nullTerminated } = options;
  await readEach(options, async (context, reader) => {
    const source = await reader.open(context);
    const ring = reader.ring();
    const name = fromText(context.name ?? '');
    const input = { source, measureIgnored, name, nullTerminated, ring: ring.shared };
    await Promise.all([reader.run('listVerdicts', input), new RingOutput(ring, to).run()]);
  });
}

async function readEach<Result>(
  options: ExplainOptions,
  read: (context: DirectoryContext, reader: ContextReader) => Promise<Result>,
): Promise<Result[]> {
  checkContexts(options.contexts);
  const reader = new ContextReader(options);
  return reader.finish(async () => {
    const results: Result[] = [];
    for (const context of options.contexts) results.push(await read(context, reader));
    return results;
  });
}
