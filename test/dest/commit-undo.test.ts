import { chmodSync, linkSync, readdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { lay, ROOT, type EntryLike } from '../helpers/disk/stage.ts';
import { SteppingGauge } from '../helpers/disk/stepping-status.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

/** Meets the OUT of `makeOut` in every way: over a file, directory or symlink; next to them; nested. */
const CONTEXT: EntryLike[] = [
  { ...ROOT, mode: 0o700 },
  { path: 'a-file', content: 'new' },
  { path: 'b-over-directory', content: 'new' },
  { path: 'c-over-file/' },
  { path: 'c-over-file/x', content: 'new' },
  { path: 'd-over-link/' },
  { path: 'e-closed/', mode: 0o500 },
  { path: 'e-closed/file', content: 'new' },
  { path: 'e-closed/new', content: 'new' },
  { path: 'f-over-closed', link: 'a-file' },
  { path: 'g-new/', mode: 0o500 },
  { path: 'g-new/x', content: 'new' },
  { path: 'h-linked', content: 'new' },
  { path: 'h-twin', kind: 'hardlink', link: 'h-linked' },
];

describe('a failed commit', () => {
  it('leaves OUT unchanged, at whichever step it fails', async () => {
    await withDirectory(failAtEachStep);
  });

  it('leaves OUT unchanged, at whichever step it fails, even without root', async () => {
    await withDirectory((directory) => asNobody(directory, () => failAtEachStep(directory)));
  });

  it('names a staged entry that is gone, and leaves OUT unchanged', async () => {
    await withDirectory((directory) => {
      const out = makeOut(join(directory, 'out'));
      const before = treeState(out);
      const status = new SteppingGauge((_, path) => {
        if (path === 'e-closed/new') unlinkSync(join(out, stageOf(out), 'tree', path));
      });
      expect(() => lay(out, CONTEXT, { status })).toThrow('e-closed/new is missing from the stage');
      expect(treeState(out)).toEqual(before);
    });
  });

  it('can be retried, and then succeeds', async () => {
    await withDirectory((directory) => {
      const out = makeOut(join(directory, 'out'));
      const status = new SteppingGauge((count) => {
        if (count === 5) throw new CtxsyncError('interrupted', 'stopped');
      });
      expect(() => lay(out, CONTEXT, { status })).toThrow('stopped');
      expect(lay(out, CONTEXT, { delete: true }).warnings).toEqual([]);
      lay(join(directory, 'fresh'), CONTEXT);
      expect(treeState(out)).toEqual(treeState(join(directory, 'fresh')));
    });
  });
});

function failAtEachStep(directory: string): void {
  const steps = countSteps(join(directory, 'all'));
  expect(steps).toBeGreaterThan(CONTEXT.length);
  for (let step = 1; step <= steps; step++) {
    const out = makeOut(join(directory, `out${step}`));
    const before = treeState(out);
    const status = new SteppingGauge((count) => {
      if (count === step) throw new CtxsyncError('interrupted', `stopped at step ${step}`);
    });
    expect(() => lay(out, CONTEXT, { delete: true, status })).toThrow(`stopped at step ${step}`);
    expect(treeState(out), `step ${step}`).toEqual(before);
  }
}

function countSteps(out: string): number {
  const status = new SteppingGauge();
  lay(makeOut(out), CONTEXT, { delete: true, status });
  return status.steps;
}

function makeOut(out: string): string {
  writeTree(out, { 'a-file': 'old', 'b-over-directory/x/y': 'old', 'c-over-file': 'old' });
  writeTree(out, { 'e-closed/file': 'old', 'e-closed/mine': 'old', 'f-over-closed/x': 'old' });
  writeTree(out, { 'h-linked': 'old', 'mine/x': 'old', 'z-mine': 'old' });
  symlinkSync('mine', join(out, 'd-over-link'));
  linkSync(join(out, 'h-linked'), join(out, 'h-twin'));
  chmodSync(join(out, 'e-closed'), 0o555);
  chmodSync(join(out, 'f-over-closed'), 0o500);
  chmodSync(out, 0o751);
  return out;
}

function stageOf(out: string): string {
  const name = readdirSync(out).find((each) => /^\.ctxsync-[0-9a-f]{16}$/.test(each));
  if (name === undefined) throw new Error('there is no stage');
  return name;
}
