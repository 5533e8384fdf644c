import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { update, type UpdateOptions } from '../helpers/cli/incremental.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { SteppingGauge } from '../helpers/disk/stepping-status.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

// Another user who may write to OUT replaces a directory in it by a symlink, at any moment
// (CVE-2018-15664, docker cp; CVE-2022-29154 and rsync's symlink races): nothing is written, removed
// or given another mode at the target of the symlink.

const WAYS: [string, UpdateOptions][] = [
  ['compared', {}],
  ['sent whole', { whole: [''] }],
];

it.each(WAYS)(
  'a commit never follows a symlink that replaces a directory at any step: %s',
  async (_, way) => {
    const steps = await attempt(way, Infinity);
    expect(steps).toBeGreaterThan(5);
    for (let step = 1; step <= steps; step++) await attempt(way, step);
  },
);

/** @returns the number of steps of the commit */
function attempt(way: UpdateOptions, swapAt: number): Promise<number> {
  return withDirectory((directory) => {
    const [context, out] = [join(directory, 'context'), join(directory, 'out')];
    const victim = join(directory, 'victim');
    const files = { 'd/s/same': 'old', 'd/s/changed': 'old', 'd/s/mine': 'old', 'd/mine/x': 'old' };
    writeTree(out, files);
    execFileSync('cp', ['-a', join(out, 'd'), victim]);
    writeTree(victim, { 'mine/precious': 'precious' });
    execFileSync('cp', ['-a', out, context]);
    rmSync(join(context, 'd/mine'), { recursive: true });
    rmSync(join(context, 'd/s/mine'));
    writeTree(context, { 'd/s/changed': 'new', 'd/s/new/x': 'new', 'd/new': 'new' });
    const before = treeState(victim);
    const status = new SteppingGauge((count) => {
      if (count !== swapAt) return;
      mkdirSync(join(directory, 'aside'));
      renameSync(join(out, 'd'), join(directory, 'aside/d'));
      symlinkSync(victim, join(out, 'd'));
    });
    try {
      update(out, { '': context }, { ...way, delete: true, status });
    } catch (error) {
      if (!(error instanceof CtxsyncError) || error.code !== 'not-writable') throw error;
    }
    expect(treeState(victim), `swapped at step ${swapAt}`).toEqual(before);
    return status.steps;
  });
}
