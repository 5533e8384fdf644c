import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pipeline, run } from '../helpers/cli/cli.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { expectFailure, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

/** A case of test/fixtures/dockerignore.json, which has them from tables of moby, BuildKit and others. */
interface Case {
  name: string;
  patterns: string[];
  /** base64 of the file; used instead of the patterns */
  raw?: string;
  files: string[];
  dirs?: string[];
  kept?: string[];
  keptDirs?: string[];
  goneDirs?: string[];
  error?: boolean;
}

const CASES = JSON.parse(
  readFileSync(new URL('../fixtures/dockerignore.json', import.meta.url), 'utf8'),
) as Case[];

/** A pair of processes takes a quarter of a second, so each pair transfers several cases. */
const CASES_A_PIPE = 18;

describe('.dockerignore decides what is sent', () => {
  const good = CASES.filter(({ error }) => error !== true);

  it('and the fixture has cases of every kind', () => {
    expect(good.length).toBeGreaterThan(100);
    expect(CASES.length - good.length).toBeGreaterThan(5);
    expect(good.some(({ raw }) => raw !== undefined)).toBe(true);
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
  });

  it.each(batches(good))('in cases %s', async (_, cases) => {
    await withDirectory(async (directory) => {
      const contexts = cases.map((each, i) => `case${i}=${makeContext(directory, i, each)}`);
      const out = join(directory, 'out');
      expectDone(await pipeline(contexts, [out]));
      const received = cases.map((each, i) => ({ ...each, ...read(join(out, `case${i}`)) }));
      expect(received.map(got)).toEqual(cases.map(wanted));
    });
  });

  it('also for a context without a name', async () => {
    await withDirectory(async (directory) => {
      const each = good.find(({ name }) => name.includes('rule-trailing-star'))!;
      const out = join(directory, 'out');
      expectDone(await pipeline([makeContext(directory, 0, each)], [out]));
      expect(got({ ...each, ...read(out) })).toEqual(wanted(each));
    });
  });
});

describe('a bad .dockerignore', () => {
  const bad = CASES.filter(({ error }) => error === true);
  it.each(bad.map((each): [string, Case] => [each.name, each]))(
    'makes the sender send nothing, exit with 2 and name the file and line: %s',
    async (_, each) => {
      await withDirectory(async (directory) => {
        const context = makeContext(directory, 0, each);
        const outcome = await run(['send', context]);
        expectFailure(outcome, 2, /\/\.dockerignore:\d+: /);
        const line = Number(/\.dockerignore:(\d+): /.exec(outcome.stderr)?.[1]);
        expect(line).toBeLessThanOrEqual(ignoreFile(each).toString().split('\n').length);
      });
    },
  );
});

function batches(cases: readonly Case[]): [string, Case[]][] {
  return Array.from({ length: Math.ceil(cases.length / CASES_A_PIPE) }, (_, i) => {
    const from = i * CASES_A_PIPE;
    const batch = cases.slice(from, from + CASES_A_PIPE);
    return [`${from + 1} to ${from + batch.length}`, batch];
  });
}

function makeContext(directory: string, at: number, each: Case): string {
  const root = join(directory, `context${at}`);
  writeTree(root, Object.fromEntries(each.files.map((path) => [path, path])));
  for (const path of each.dirs ?? []) mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, '.dockerignore'), ignoreFile(each));
  return root;
}

function ignoreFile({ patterns, raw }: Case): Buffer {
  return raw === undefined ? Buffer.from(`${patterns.join('\n')}\n`) : Buffer.from(raw, 'base64');
}

interface Received {
  fileSet: string[];
  dirSet: Set<string>;
}

function read(root: string): Received {
  const entries = Object.entries(treeState(root)).filter(
    ([path]) => !['', 'Dockerfile', '.dockerignore'].includes(path),
  );
  const isDirectory = ([, state]: [string, string]): boolean => state.startsWith('directory');
  const text = ([path]: [string, string]): string => Buffer.from(path, 'latin1').toString();
  return {
    fileSet: entries.filter((each) => !isDirectory(each)).map(text),
    dirSet: new Set(entries.filter(isDirectory).map(text)),
  };
}

/** Has the form of `wanted`, so that a failure names its case. */
function got({ name, fileSet, dirSet, keptDirs = [], goneDirs = [] }: Case & Received): unknown {
  return {
    name,
    kept: fileSet.toSorted(),
    keptDirs: keptDirs.filter((path) => dirSet.has(path)),
    goneDirs: goneDirs.filter((path) => !dirSet.has(path)),
  };
}

function wanted({ name, kept = [], keptDirs = [], goneDirs = [] }: Case): unknown {
  const compared = kept.filter((path) => !['Dockerfile', '.dockerignore'].includes(path));
  return { name, kept: compared.toSorted(), keptDirs, goneDirs };
}
