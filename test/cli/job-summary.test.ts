import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { appendJobSummary } from '../../src/cli/job-summary.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { report } from './view/view-fixtures.ts';

const DONE = report({ contexts: [{ name: '', entries: 3, bytes: 5 }], entries: 3, bytes: 5 });
const TABLE = `| ctxsync receive | entries | bytes | time | stalls | outcome |
| --- | ---: | ---: | ---: | ---: | --- |
`;

test('the outcome is appended to the summary of the job, as a table', () =>
  withDirectory(async (directory) => {
    const path = join(directory, 'summary.md');
    writeFileSync(path, 'earlier\n\n');
    const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: path };
    expect(await appendJobSummary(env, DONE, 0, 'out')).toBeUndefined();
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(
      `earlier\n\n${TABLE}| done | 3 | 5 B | 3.1s | 0 | received 3 entries, 5 B`,
    );
    expect(text.endsWith(' |\n\n')).toBe(true);
  }));

test('the error of a failure is text and no markup, and stays in its cell', () =>
  withDirectory(async (directory) => {
    const path = join(directory, 'summary.md');
    const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: path };
    const error = { code: 'no-space', message: 'a|b\n<img> [x](y) \\' } as const;
    await appendJobSummary(env, { ...DONE, result: 'failed', error }, 4);
    expect(readFileSync(path, 'utf8')).toBe(
      `${TABLE}| failed (4) | 3 | 5 B | 3.1s | 0 | a\\|b\\\\n\\<img\\> \\[x\\](y) \\\\ |\n\n`,
    );
  }));

test('a summary that cannot be written is a message and no more', async () => {
  const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: '/nowhere/summary.md' };
  expect(await appendJobSummary(env, DONE, 0)).toBe(
    'GITHUB_STEP_SUMMARY /nowhere/summary.md: no such file or directory (ENOENT)',
  );
});

test.each([{}, { GITHUB_STEP_SUMMARY: '/nowhere/x' }, { GITHUB_ACTIONS: 'true' }])(
  'nothing is written outside GitHub Actions: %j',
  async (env) => {
    expect(await appendJobSummary(env, DONE, 0)).toBeUndefined();
  },
);
