import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  readdirSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { update, type UpdateOptions } from '../helpers/cli/incremental.ts';
import { changeRandomly, withRandomPair } from '../helpers/trees/random-tree.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { SteppingGauge } from '../helpers/disk/stepping-status.ts';
import { captureError } from '../helpers/capture-error.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { rounds } from '../helpers/proofs.ts';

/** Runs `use` with a context, and an OUT that differs from it in every way that needs a local change. */
function withEdited<T>(use: (context: string, out: string, directory: string) => T): Promise<T> {
  return withDirectory((directory) => {
    makeContext(join(directory, 'context'));
    makeOut(directory, 'out');
    return use(join(directory, 'context'), join(directory, 'out'), directory);
  });
}

function makeContext(context: string): void {
  writeTree(context, { 'closed/file': 'f', 'closed/sub/x': 'x', 'a-first': 'several names' });
  writeTree(context, { 'new/x': 'x', changed: 'new' });
  for (const path of ['closed/name', 'closed/sub/name', 'new/name', 'top']) {
    linkSync(join(context, 'a-first'), join(context, path));
  }
  utimesSync(join(context, 'a-first'), 1e9, 1_000_000_000.25);
  for (const path of ['closed/sub', 'closed', 'new']) {
    utimesSync(join(context, path), 1e9, 1_100_000_000.5);
    chmodSync(join(context, path), 0o555);
  }
  utimesSync(context, 1e9, 1_200_000_000.5);
}

/** Makes a changed copy of the context; directories that are in both keep their mode and time. */
function makeOut(directory: string, name: string): void {
  const out = join(directory, name);
  execFileSync('cp', ['-a', join(directory, 'context'), out]);
  for (const path of ['closed', 'closed/sub', 'new']) chmodSync(join(out, path), 0o755);
  rmSync(join(out, 'new'), { recursive: true });
  writeFileSync(join(out, 'changed'), 'old');
  // In a directory and at the top; missing, of another kind, and as a separate file.
  rmSync(join(out, 'closed/name'));
  rmSync(join(out, 'closed/sub/name'));
  writeTree(out, { 'closed/sub/name/deep': 'a directory in its place' });
  rmSync(join(out, 'top'));
  execFileSync('cp', ['-p', join(out, 'a-first'), join(out, 'top')]);
  writeTree(out, { 'closed/mine/deep': 'mine', 'closed/sub/mine': 'mine', mine: 'mine' });
  mkdirSync(join(out, 'mine-closed/x'), { recursive: true });
  chmodSync(join(out, 'mine-closed'), 0o555);
  symlinkSync('closed', join(out, 'mine-link'));
  // The same content with another mode, or another time.
  chmodSync(join(out, 'closed/sub/x'), 0o600);
  utimesSync(join(out, 'closed/file'), 1e9, 1_000_000_001.5);
  for (const path of ['closed/sub', 'closed']) {
    utimesSync(join(out, path), 1e9, 1_100_000_000.5);
    chmodSync(join(out, path), 0o555);
  }
}

describe('a commit of the changes', () => {
  it.each([['root'], ['one who is not']])(
    'with --delete makes OUT a mirror, even in read-only directories, as root or not: %s',
    async (who) => {
      await withEdited((context, out, directory) => {
        const run = (): void => {
          const { removed, warnings, wants } = update(out, { '': context }, { delete: true });
          expect([removed.count, warnings]).toEqual([8, []]);
          const paths = wants.map(({ path }) => path);
          expect(paths).toEqual(['', 'changed', 'closed', 'closed/file', 'new', 'new/x']);
        };
        if (who === 'root') run();
        else asNobody(directory, run);
        expect(treeState(out)).toEqual(treeState(context));
        expect(statSync(join(out, 'top')).nlink).toBe(5);
      });
    },
  );

  it('without --delete keeps what the context lacks, and still makes links', async () => {
    await withEdited((context, out) => {
      const mine = Object.entries(treeState(out)).filter(([path]) => path.includes('mine'));
      expect(update(out, { '': context }).removed.count).toBe(0);
      expect(treeState(out)).toEqual({ ...treeState(context), ...Object.fromEntries(mine) });
    });
  });

  it('does nothing when it is repeated', async () => {
    await withEdited((context, out) => {
      update(out, { '': context }, { delete: true });
      const before = treeState(out);
      const second = update(out, { '': context }, { delete: true });
      expect(second).toMatchObject({
        removed: { count: 0, paths: [] },
        warnings: [],
        wants: [{ path: '' }],
        bytes: 0,
      });
      expect(treeState(out)).toEqual(before);
    });
  });

  it.runIf(process.getuid?.() === 0)(
    'succeeds in an OUT that belongs to another user but is writable',
    async () => {
      await withEdited((context, out, directory) => {
        chmodSync(out, 0o777);
        asNobody(directory, () => {
          asRoot(() => chownSync(out, 0, 0));
          const { warnings } = update(out, { '': context }, { delete: true });
          expect(warnings).toEqual([expect.stringContaining('set mode and time of')]);
        });
        expect(treeState(out, { root: false })).toEqual(treeState(context, { root: false }));
      });
    },
  );

  it.each([['root'], ['one who is not']])(
    'leaves OUT unchanged if it fails at any step, as root or not: %s',
    async (who) => {
      await withEdited((context, out, directory) => {
        const run = (): void => failAtEachStep(context, out, directory);
        if (who === 'root') run();
        else asNobody(directory, run);
      });
    },
  );

  it('fails if a symlink replaced a directory meanwhile, and removes nothing', async () => {
    await withEdited((context, out) => {
      const status = new SteppingGauge((_, path) => {
        if (path !== 'closed/mine') return;
        renameSync(join(out, 'closed'), join(out, 'aside'));
        symlinkSync('aside', join(out, 'closed'));
      });
      const error = captureError(() => update(out, { '': context }, { delete: true, status }));
      expect(error).toMatchObject({ code: 'not-writable', path: 'closed' });
      expect(readFileSync(join(out, 'aside/mine/deep'), 'utf8')).toBe('mine');
      expect(existsSync(join(out, 'mine'))).toBe(true);
    });
  });

  it('with --delete turns any tree into any other, as a whole transfer does', async () => {
    const seeds = rounds(120);
    for (let seed = 0; seed < seeds; seed++) {
      await withRandomPair(seed, ({ context, out, random }) => {
        const options = { delete: true, checksum: random(2) === 0 };
        changeRandomly(out, random, 1 + random(8));
        update(out, { '': context }, options);
        expect(treeState(out), `seed ${seed}`).toEqual(treeState(context));
        const again = update(out, { '': context }, options);
        expect(again.wants, `seed ${seed}`).toMatchObject([{ path: '' }]);
      });
    }
  });

  it('without --delete gives the same result as a whole transfer, for any tree', async () => {
    const end = 100 + rounds(80);
    for (let seed = 100; seed < end; seed++) {
      await withRandomPair(seed, ({ directory, context, out, random }) => {
        const other = join(directory, 'other');
        changeRandomly(out, random, 1 + random(8));
        execFileSync('cp', ['-a', out, other]);
        update(out, { '': context }, { checksum: random(2) === 0 });
        update(other, { '': context }, { whole: [''] });
        // A name that only OUT has may belong to a file that needed no transfer.
        const links = (state: Record<string, string>): Record<string, string> =>
          Object.fromEntries(
            Object.entries(state).map(([path, text]) => [path, text.replace(/ = .*/s, '')]),
          );
        expect(links(treeState(out)), `seed ${seed}`).toEqual(links(treeState(other)));
      });
    }
  });
});

describe('--delete with several contexts', () => {
  const NAMED: UpdateOptions[] = [{}, { whole: ['web'] }, { whole: ['web', 'api'] }];

  it.each(NAMED)('removes nothing outside them if all have names: %j', async (options) => {
    await withContexts(['web', 'api'], (contexts, out) => {
      writeTree(out, { 'mine/x': '', 'web/mine': '', 'web/sub/mine': '', 'api/mine/x': '' });
      const { removed } = update(out, contexts, { ...options, delete: true });
      expect(removed.paths.toSorted()).toEqual([
        'api/mine',
        'api/mine/x',
        'web/mine',
        'web/sub/mine',
      ]);
      expect(readdirSync(out).toSorted()).toEqual(['api', 'mine', 'web']);
      rmSync(join(out, 'mine'), { recursive: true });
      expectMirror(out, contexts);
    });
  });

  const UNNAMED: UpdateOptions[] = [{}, { whole: [''] }, { whole: ['', 'web'] }];

  it.each(UNNAMED)('makes OUT a mirror if one of them is OUT itself: %j', async (options) => {
    await withContexts(['', 'web'], (contexts, out) => {
      writeTree(out, { 'mine/x': '', 'sub/mine': '', 'web/mine': '', 'web/sub/mine': '' });
      const { removed } = update(out, contexts, { ...options, delete: true });
      expect(removed.count).toBe(5);
      expectMirror(out, contexts);
    });
  });

  it('keeps a new context next to one that is OUT itself', async () => {
    await withContexts(['', 'web'], (contexts, out) => {
      rmSync(join(out, 'web'), { recursive: true });
      update(out, contexts, { whole: ['web'], delete: true });
      expectMirror(out, contexts);
    });
  });

  it('keeps a context of an earlier transfer', async () => {
    await withContexts(['web', 'api'], ({ web }, out) => {
      expect(update(out, { web: web! }, { delete: true }).removed.count).toBe(0);
      expect(readdirSync(out).toSorted()).toEqual(['api', 'web']);
    });
  });
});

/** Runs `use` with a context for each name, and an OUT that has them. */
function withContexts<T>(
  names: readonly string[],
  use: (contexts: Record<string, string>, out: string) => T,
): Promise<T> {
  return withDirectory((directory) => {
    const contexts: Record<string, string> = {};
    for (const name of names) {
      const context = join(directory, `context-${name}`);
      writeTree(context, { [`${name}.txt`]: name, 'sub/file': name, 'sub/deep/file': name });
      contexts[name] = context;
    }
    const out = join(directory, 'out');
    update(out, contexts, { whole: names });
    return use(contexts, out);
  });
}

/** Expects that OUT has the contexts and nothing else. */
function expectMirror(out: string, contexts: Record<string, string>): void {
  const expected: Record<string, string> = {};
  for (const [name, directory] of Object.entries(contexts)) {
    for (const [path, state] of Object.entries(treeState(directory))) {
      expected[[name, path].filter((part) => part !== '').join('/')] = state;
    }
  }
  const state = treeState(out);
  if (!('' in contexts)) delete state[''];
  expect(state).toEqual(expected);
}

function failAtEachStep(context: string, out: string, directory: string): void {
  const counting = new SteppingGauge();
  execFileSync('cp', ['-a', out, join(directory, 'counted')]);
  update(join(directory, 'counted'), { '': context }, { delete: true, status: counting });
  expect(counting.steps).toBeGreaterThan(10);
  const before = treeState(out);
  for (let step = 1; step <= counting.steps; step++) {
    const status = new SteppingGauge((count) => {
      if (count === step) throw new CtxsyncError('interrupted', `stopped at step ${step}`);
    });
    expect(() => update(out, { '': context }, { delete: true, status })).toThrow(
      `stopped at step ${step}`,
    );
    expect(treeState(out), `step ${step}`).toEqual(before);
  }
}

/** Runs as root inside of asNobody(). */
function asRoot(run: () => void): void {
  const uid = process.geteuid?.();
  process.seteuid?.(0);
  run();
  if (uid !== undefined) process.seteuid?.(uid);
}
