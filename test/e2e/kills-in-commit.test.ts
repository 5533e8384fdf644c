import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pipeline, recordSend, start } from '../helpers/cli/cli.ts';
import {
  expectExit,
  withScene,
  workNames,
  writeTree,
  type Sandbox,
} from '../helpers/trees/sandbox.ts';
import { treeState, type TreeState } from '../helpers/trees/tree-state.ts';

// The commit is the one moment in which a SIGKILL cannot leave OUT as it was. Each file is still old
// or new as a whole, and the next run completes what was begun.

/** Enough to make a commit so long that a kill can hit it. */
const FILES = 3_000;
const ATTEMPTS = 20;
const PATIENCE_MS = 240_000;

function manyFiles(count: number, text: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`file-${i}`, `${text}${i}`]));
}

function contentOf(out: string): TreeState {
  const entries = Object.entries(treeState(out, { root: false }));
  return Object.fromEntries(entries.filter(([path]) => !path.startsWith('.ctxsync-')));
}

function setScene({ context, out }: Sandbox): void {
  writeTree(context, manyFiles(FILES, 'new '));
  // Half of them replace a file in OUT; also, a directory replaces a file, and a file a directory.
  writeTree(out, manyFiles(FILES / 2, 'old '));
  writeTree(context, { 'x/file': 'new', y: 'new' });
  writeTree(out, { x: 'old', 'y/file': 'old' });
}

/** Kills a receiver when the first entry appears in OUT. True: it had not finished by then. */
async function killInCommit(options: string[], stream: Buffer, out: string): Promise<boolean> {
  const before = new Set(readdirSync(out));
  const committing = (): boolean =>
    readdirSync(out).some((name) => name.startsWith('file-') && !before.has(name));
  const { child, done } = start(['receive', ...options, out]);
  child.stdin?.end(stream);
  while (child.exitCode === null && !committing()) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  child.kill('SIGKILL');
  await done;
  return workNames(out).length === 2;
}

/** Each path is as it was or as it was sent, and no path that both have is missing. */
function expectOldOrNew(between: TreeState, old: TreeState, sent: TreeState): void {
  for (const [path, state] of Object.entries(between)) {
    // A directory's time is set last; a file about to be replaced has a second name in the stage.
    if (state.startsWith('directory')) continue;
    expect([old[path], sent[path]]).toContain(state.replace(/ = \.ctxsync-.*/, ''));
  }
  const replaced = Object.keys(old).filter((path) => path.startsWith('file-'));
  expect(Object.keys(between)).toEqual(expect.arrayContaining(replaced));
}

/** False: the receiver had finished before it was killed. */
function killAndHeal(options: string[]): Promise<boolean> {
  return withScene(async (sandbox) => {
    setScene(sandbox);
    const { context, out } = sandbox;
    const [old, sent] = [contentOf(out), contentOf(context)];
    if (!(await killInCommit(options, await recordSend([context]), out))) return false;
    expectOldOrNew(contentOf(out), old, sent);
    const { receive } = await pipeline([context], [...options, out]);
    expectExit(receive, 0);
    const kept = options.length === 0 ? { 'kept.txt': old['kept.txt'] } : {};
    expect(contentOf(out)).toEqual({ ...sent, ...kept });
    expect(workNames(out)).toEqual([]);
    return true;
  });
}

test.each([
  ['laid over OUT', []],
  ['a mirror', ['--delete']],
])(
  'a receiver killed in a commit (%s) leaves each file old or new, and the next run completes it',
  { timeout: PATIENCE_MS },
  async (_, options: string[]) => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await killAndHeal(options)) return;
    }
    throw new Error('no receiver could be killed in its commit');
  },
);
