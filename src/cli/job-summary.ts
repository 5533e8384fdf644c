import { appendFile } from 'node:fs/promises';
import { describeSystemError } from '../disk/system-error.ts';
import { OUTPUT_FILE_MS } from '../limits.ts';
import type { TransferReport } from '../report.ts';
import { withTimeout } from '../with-timeout.ts';
import { summaryText } from './view/summary-text.ts';

/** The file whose Markdown GitHub Actions shows as the summary of a job; both sides may append to it. */
const VARIABLE = 'GITHUB_STEP_SUMMARY';

/** @returns why it could not be written, or undefined */
export async function appendJobSummary(
  env: Readonly<Record<string, string | undefined>>,
  report: TransferReport,
  exitCode: number,
  outLabel?: string,
): Promise<string | undefined> {
  const path = env[VARIABLE];
  if (env['GITHUB_ACTIONS'] !== 'true' || path === undefined || path === '') return undefined;
  let why: string | undefined = 'the disk does not answer';
  const appended = appendFile(path, summaryText(report, exitCode, outLabel)).then(
    () => (why = undefined),
    (error: unknown) => (why = describeSystemError(error)),
  );
  await withTimeout(OUTPUT_FILE_MS, appended);
  return why === undefined ? undefined : `${VARIABLE} ${path}: ${why}`;
}
