import { UnreadablePaths } from '../../src/disk/unreadable-paths.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import type { ByteSink } from '../../src/entry/byte-io.ts';
import { parseIgnoreFile } from '../../src/ignore/ignore-file.ts';
import { IgnoreRules } from '../../src/ignore/ignore-rules.ts';
import { explainPath } from '../../src/survey/explain-path.ts';
import type { PathExplanation } from '../../src/survey/path-report.ts';
import type { ContextSurvey } from '../../src/survey/survey-report.ts';
import { surveyContext, type SurveyOptions } from '../../src/survey/survey.ts';
import { listVerdicts, type VerdictListOptions } from '../../src/survey/verdict-list.ts';
import { walk } from '../../src/tree/walk.ts';

export const SOURCE = '.dockerignore';

export function rulesOf(content: string | Uint8Array): IgnoreRules {
  return new IgnoreRules(parseIgnoreFile(Buffer.from(content), SOURCE));
}

/** @param content of the ignore file */
export function surveyOf(
  root: string,
  content: string | Uint8Array,
  options: Partial<SurveyOptions> = {},
): ContextSurvey {
  const bytes = Buffer.from(content);
  return surveyContext({
    root,
    rules: rulesOf(bytes),
    ignoreFile: { source: SOURCE, bytes },
    status: new WorkerStatus(),
    measureIgnored: true,
    largest: 10,
    largeBytes: 0,
    ...options,
  });
}

/** The lines of the list of verdicts, each split into its fields. */
export function verdictsOf(
  root: string,
  rules: IgnoreRules,
  options: Partial<VerdictListOptions> = {},
): string[][] {
  const memory = new MemorySink();
  const status = new WorkerStatus();
  const all = { root, rules, status, measureIgnored: true, name: '', nullTerminated: true };
  listVerdicts({ ...all, ...options }, memory);
  const end = options.nullTerminated === false ? '\n' : '\0';
  const lines = memory.text.split(end).slice(0, -1);
  return lines.map((line) => line.split('\t'));
}

export function explained(root: string, content: string, path: string): PathExplanation {
  const status = new WorkerStatus();
  return explainPath(path, { root, rules: rulesOf(content), status, measureIgnored: true });
}

/** What a transfer sends, directories with a "/" at their end. */
export function sentPaths(root: string, rules: IgnoreRules): string[] {
  const entries = walk(root, {
    rules,
    status: new WorkerStatus(),
    unreadable: new UnreadablePaths(),
    onSkipped: () => {},
    onChanged: () => {},
  });
  return Array.from(entries, ({ path, kind }) => (kind === 'directory' ? `${path}/` : path)).slice(
    1,
  );
}

/** Keeps what is written, as latin1. */
class MemorySink implements ByteSink {
  text = '';
  // Small, so that lines are cut in their middle.
  readonly #room = Buffer.alloc(100);

  reserve(): Uint8Array {
    return this.#room;
  }

  produced(count: number): void {
    this.text += this.#room.toString('latin1', 0, count);
  }
}
