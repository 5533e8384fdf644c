import { execFileSync, type SpawnOptions } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { withDirectory } from './temporary-directory.ts';
import { treeState, type TreeState } from './tree-state.ts';

/** A context, and an OUT with different content. */
export interface Sandbox {
  /** Where both of them are, and whatever else a test creates. */
  directory: string;
  context: string;
  out: string;
  /** State of OUT when the sandbox was created. */
  before: TreeState;
}

/** Runs with a small context and an OUT that shares some of its paths. */
export function withScene<T>(use: (sandbox: Sandbox) => Promise<T> | T): Promise<T> {
  return withDirectory((directory) => {
    const context = join(directory, 'context');
    const out = join(directory, 'out');
    writeTree(context, { 'a.txt': 'new', 'web/app.js': 'new()', 'web/img/logo.svg': '<svg/>' });
    writeTree(out, { 'a.txt': 'old', 'web/app.js': 'old()', 'kept.txt': 'kept' });
    return use({ directory, context, out, before: treeState(out) });
  });
}

export function writeTree(root: string, files: Record<string, string | Uint8Array>): void {
  mkdirSync(root, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** OUT is unchanged to the byte and the microsecond, and contains no stage and no lock. */
export function expectUntouched({ out, before }: Sandbox): void {
  expect(treeState(out)).toEqual(before);
}

export interface Ended {
  code: number | null;
  stderr: string;
}

/** Expects one of these statuses; otherwise stderr is shown too. */
export function expectExit({ code, stderr }: Ended, ...exitCodes: number[]): void {
  expect({ code, stderr }).toEqual({ code: expect.toBeOneOf(exitCodes), stderr });
}

/** Expects a status and these texts in stderr, and never a stack. */
export function expectFailure(
  { code, stderr }: Ended,
  exitCode: number,
  ...words: (string | RegExp)[]
): void {
  expectExit({ code, stderr }, exitCode);
  for (const word of words) expect(stderr).toMatch(word);
  expect(stderr).not.toMatch(/^\s+at .*:\d+/m);
}

/** What receivers have in OUT while they work: the lock, and stages, but not the draft of a lock. */
export function workNames(out: string): string[] {
  return readdirSync(out).filter((name) => name === '.ctxsync-lock' || isStageName(name));
}

export function isStageName(name: string): boolean {
  return /^\.ctxsync-[0-9a-f]{16}$/.test(name);
}

const NOBODY = 65_534;

/** Options to run a child to which permissions apply, and which owns the directory. */
export function unprivileged(directory: string): SpawnOptions {
  if (process.getuid?.() !== 0) return {};
  // Not in JavaScript, because names need not be UTF-8.
  execFileSync('chown', ['-hR', `${NOBODY}:${NOBODY}`, directory]);
  return { uid: NOBODY, gid: NOBODY, cwd: '/' };
}
