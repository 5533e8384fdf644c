import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { withFolder } from '../helpers/trees/temporary-directory.ts';
import { update, type UpdateOptions } from '../helpers/cli/incremental.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { SteppingGauge } from '../helpers/disk/stepping-status.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

// A neighbour who may write into OUT swaps a directory of it for a symlink, whenever that may be
// (CVE-2018-15664, docker cp; CVE-2022-29154 and rsync's symlink races): nothing is written, removed
// or given another mode where the symlink leads.

const WAYS: [string, UpdateOptions][] = [
  ['compared', {}],
  ['sent whole', { whole: [''] }],
];

it.each(WAYS)(
  'a directory that is swapped at any step leads a commit nowhere: %s',
  async (_, way) => {
    const steps = await attempt(way, Infinity);
    expect(steps).toBeGreaterThan(5);
    for (let step = 1; step <= steps; step++) await attempt(way, step);
  },
);

/** @returns the steps of the commit */
function attempt(way: UpdateOptions, swapAt: number): Promise<number> {
  return withFolder((folder) => {
    const [context, out] = [join(folder, 'context'), join(folder, 'out')];
    const victim = join(folder, 'victim');
    const files = { 'd/s/same': 'old', 'd/s/changed': 'old', 'd/s/mine': 'old', 'd/mine/x': 'old' };
    writeTree(out, files);
    execFileSync('cp', ['-a', join(out, 'd'), victim]);
    writeTree(victim, { 'mine/precious': 'precious' });
    execFileSync('cp', ['-a', out, context]);
    rmSync(join(context, 'd/mine'), { recursive: true });
    rmSync(join(context, 'd/s/mine'));
    writeTree(context, { 'd/s/changed': 'new', 'd/s/new/x': 'new', 'd/new': 'new' });
    const before = treeState(victim);
    const gauge = new SteppingGauge((count) => {
      if (count !== swapAt) return;
      mkdirSync(join(folder, 'aside'));
      renameSync(join(out, 'd'), join(folder, 'aside/d'));
      symlinkSync(victim, join(out, 'd'));
    });
    try {
      update(out, { '': context }, { ...way, delete: true, gauge });
    } catch (error) {
      if (!(error instanceof CtxsyncError) || error.code !== 'not-writable') throw error;
    }
    expect(treeState(victim), `swapped at step ${swapAt}`).toEqual(before);
    return gauge.steps;
  });
}
