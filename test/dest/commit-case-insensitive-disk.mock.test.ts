import { execFileSync } from 'node:child_process';
import { linkSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { withDisk } from '../helpers/disk/disk-calls.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { update, type UpdateOptions } from '../helpers/cli/incremental.ts';
import { blindDisk } from '../helpers/disk/case-insensitive-disk.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { SteppingGauge } from '../helpers/disk/stepping-status.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

vi.mock('node:fs', async (original) =>
  (await import('../helpers/disk/disk-calls.ts')).hooked(await original()),
);

const COMPOSED = 'caf\u00e9';
const DECOMPOSED = 'cafe\u0301';

const WAYS: Record<string, UpdateOptions> = {
  'what changed': {},
  'the whole context': { whole: ['', 'Web', 'api'] },
};

const CASES = (['new name', 'old name'] as const).flatMap((renamed) =>
  Object.entries(WAYS).map(([what, options]) => ({ what, renamed, options })),
);

describe.each(CASES)(
  'a commit of $what, on a case-insensitive disk where a rename onto an entry leaves the $renamed',
  ({ renamed, options }) => {
    const blind = <T>(run: () => T): T => withDisk(blindDisk(renamed), run);

    it('with --delete keeps an entry that replaced one of another spelling', async () => {
      await withPair(({ context, out }) => {
        const { removed } = blind(() => update(out, { '': context }, { ...options, delete: true }));
        expect(treeState(out)).toEqual(treeState(context));
        // Four with another spelling, one of which contains two files, and two without a similar name.
        expect(removed.count).toBe(8);
      });
    });

    it('without --delete replaces an entry of another spelling', async () => {
      await withPair(({ context, out }) => {
        blind(() => {
          expect(update(out, { '': context }, options).removed.count).toBe(0);
          const files = ['README', 'Src/F', 'Src/same', `sub/${DECOMPOSED}`];
          for (const path of files) {
            expect(treeState(join(out, path))).toEqual(treeState(join(context, path)));
          }
        });
        expect(readdirSync(out)).toHaveLength(6);
      });
    });

    it('leaves OUT unchanged if it fails at any step', async () => {
      await withPair(({ directory, context, out }) => {
        const counting = new SteppingGauge();
        const copy = join(directory, 'copy');
        execFileSync('cp', ['-a', out, copy]);
        const attempt = (to: string, status: SteppingGauge): unknown =>
          blind(() => update(to, { '': context }, { ...options, delete: true, status }));
        attempt(copy, counting);
        const before = treeState(out);
        for (let step = 1; step <= counting.steps; step++) {
          const status = new SteppingGauge((count) => {
            if (count === step) throw new CtxsyncError('interrupted', 'stopped');
          });
          expect(() => attempt(out, status)).toThrow('stopped');
          expect(treeState(out), `step ${step}`).toEqual(before);
        }
      });
    });

    it('with --delete keeps a context whose name has another spelling in OUT', async () => {
      await withDirectory((directory) => {
        const contexts = { Web: join(directory, 'Web'), api: join(directory, 'api') };
        const out = join(directory, 'out');
        for (const context of Object.values(contexts)) {
          writeAt(context, 1e9, { same: 'same', 'sub/same': 'same' });
        }
        writeAt(join(out, 'web'), 1e9, { same: 'same', 'sub/same': 'same' });
        writeAt(join(out, 'web'), 2e9, { mine: 'mine' });
        blind(() => update(out, contexts, { ...options, delete: true }));
        const has = (name: string): string[] =>
          ['', '/same', '/sub', '/sub/same'].map((path) => `${name}${path}`);
        expect(anyCase(out)).toEqual([...has('api'), ...has('web')]);
      });
    });

    it('with --delete keeps such a context, even next to one that is OUT itself', async () => {
      await withDirectory((directory) => {
        const contexts = { '': join(directory, 'whole'), Web: join(directory, 'Web') };
        const out = join(directory, 'out');
        writeAt(contexts[''], 1e9, { top: 'same' });
        writeAt(contexts.Web, 1e9, { same: 'same', 'sub/same': 'same' });
        writeAt(out, 1e9, { top: 'same', 'web/same': 'same', 'web/sub/same': 'same', mine: '' });
        blind(() => update(out, contexts, { ...options, delete: true }));
        expect(anyCase(out)).toEqual(['top', 'web', 'web/same', 'web/sub', 'web/sub/same']);
      });
    });
  },
);

interface Pair {
  directory: string;
  context: string;
  out: string;
}

/** Runs `use` with a context and an OUT whose names differ in case or Unicode composition. */
function withPair<T>(use: (pair: Pair) => T): Promise<T> {
  return withDirectory((directory) => {
    const [context, out] = [join(directory, 'context'), join(directory, 'out')];
    writeAt(context, 1e9, { Afile: 'same', README: 'new', 'Src/F': 'new', 'Src/same': 'same' });
    writeAt(context, 1e9, { [`sub/${DECOMPOSED}`]: 'new', 'sub/same': 'same' });
    linkSync(join(context, 'Afile'), join(context, 'Name'));
    writeAt(out, 1e9, { Afile: 'same', 'src/same': 'same', 'sub/same': 'same' });
    writeAt(out, 1.1e9, { readme: 'old', 'src/f': 'old', [`sub/${COMPOSED}`]: 'old' });
    writeAt(out, 1.1e9, { name: 'old', 'sub/mine': 'mine', mine: 'mine' });
    return use({ directory, context, out });
  });
}

/** All paths in it, in lower case. */
function anyCase(directory: string): string[] {
  const paths = Object.keys(treeState(directory, { root: false }));
  return paths.map((path) => path.toLowerCase()).toSorted();
}

/** @param seconds the mtime of the files */
function writeAt(root: string, seconds: number, files: Record<string, string>): void {
  writeTree(root, files);
  for (const path of Object.keys(files)) utimesSync(join(root, path), seconds, seconds);
}
