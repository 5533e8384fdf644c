import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAX_MOVED_CANDIDATES, MIN_MOVED_BYTES } from '../../src/limits.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { compare, entriesOf, update } from '../helpers/cli/incremental.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

const LARGE = 'x'.repeat(MIN_MOVED_BYTES);

/** Runs `use` with a context, and an OUT that is its copy. */
function withTwins<T>(use: (context: string, out: string) => T): Promise<T> {
  return withDirectory((directory) => {
    const [context, out] = [join(directory, 'context'), join(directory, 'out')];
    writeTree(context, { 'm/big': LARGE, 'm/sub/other': `${LARGE}y`, small: 'small' });
    execFileSync('cp', ['-a', context, out]);
    return use(context, out);
  });
}

describe('a file that OUT has elsewhere', () => {
  it.each([
    ['before it, with --delete', 'z', true],
    ['before it, without', 'z', false],
    ['after it, with --delete', 'a', true],
    ['after it, without', 'a', false],
  ])('is not sent: %s', async (_, name, mirror) => {
    await withTwins((context, out) => {
      renameSync(join(context, 'm'), join(context, name));
      const { bytes, omitted } = update(out, { '': context }, { delete: mirror });
      expect([bytes, omitted]).toEqual([0, { metadataOnly: 0, reused: 2 }]);
      if (!mirror) rmSync(join(out, 'm'), { recursive: true });
      if (!mirror) utimesSync(out, 1, 1);
      const look = { root: mirror };
      expect(treeState(out, look)).toEqual(treeState(context, look));
    });
  });

  it('is found in a fresh checkout, where all times are new', async () => {
    await withTwins((context, out) => {
      renameSync(join(context, 'm/sub/other'), join(context, 'renamed'));
      for (const path of ['renamed', 'm/big', 'small']) utimesSync(join(context, path), 1e9, 1e9);
      const { bytes, omitted } = update(out, { '': context }, { delete: true });
      expect([bytes, omitted]).toEqual([0, { metadataOnly: 2, reused: 1 }]);
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it('may have been copied, and its mode may be another', async () => {
    await withTwins((context, out) => {
      for (const name of ['one', 'two']) writeFileSync(join(context, name), LARGE, { mode: 0o400 });
      const { bytes, omitted } = update(out, { '': context });
      expect([bytes, omitted.reused]).toEqual([0, 2]);
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it('is taken for the one with the same time, and otherwise with the most similar path', async () => {
    await withTwins((context, out) => {
      const [a, b] = ['a'.repeat(2_000), 'b'.repeat(2_000)];
      writeTree(out, { 'p/name.js': a, 'p/x': b, 'q/old.ts': b, 'q/x': a });
      utimesSync(join(out, 'q/x'), 1e9, 1e9);
      writeTree(context, { 'new/name.js': a, 'new/old.ts': b, 'new/y': a });
      utimesSync(join(context, 'new/y'), 1e9, 1e9);
      expect(compare(out, entriesOf(context)).ownCopies).toMatchObject([
        { kind: 'copy', path: 'new/name.js', source: 'p/name.js' },
        { kind: 'copy', path: 'new/old.ts', source: 'q/old.ts' },
        { kind: 'copy', path: 'new/y', source: 'q/x' },
      ]);
      expect(update(out, { '': context }).bytes).toBe(0);
    });
  });

  it('is sent if its content is another, although its size is not', async () => {
    await withTwins((context, out) => {
      rmSync(join(context, 'm/big'));
      writeFileSync(join(context, 'renamed'), LARGE.replaceAll('x', 'X'));
      const { bytes, omitted } = update(out, { '': context }, { delete: true });
      expect([bytes, omitted.reused]).toEqual([LARGE.length, 0]);
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it('is sent if the listed digest shows that none of OUT is the same', async () => {
    await withTwins((context, out) => {
      writeFileSync(join(context, 'renamed'), LARGE.replaceAll('x', 'X'));
      const { wants } = update(out, { '': context }, { checksum: true });
      expect(wants.find(({ path }) => path === 'renamed')?.sha256).toBeUndefined();
    });
  });

  it.each<[what: string, act: (out: string) => void]>([
    ['in a directory that we may not list', (out) => chmodSync(join(out, 'm'), 0o300)],
    ['and may not be read', (out) => chmodSync(join(out, 'm/big'), 0o200)],
  ])('is sent if it is %s', async (_, act) => {
    await withTwins((context, out) => {
      writeFileSync(join(context, 'renamed'), LARGE);
      rmSync(join(context, 'm'), { recursive: true });
      asNobody(join(out, '..'), () => {
        act(out);
        expect(update(out, { '': context }).bytes).toBe(LARGE.length);
      });
      expect(readFileSync(join(out, 'renamed'), 'utf8')).toBe(LARGE);
    });
  });

  it('is never looked for through a symlink, in a stage, in another context, or if it is small', async () => {
    await withTwins((context, out) => {
      const elsewhere = join(out, '../elsewhere');
      mkdirSync(elsewhere);
      renameSync(join(out, 'm/big'), join(elsewhere, 'big'));
      symlinkSync(elsewhere, join(out, 'link'));
      symlinkSync(join(elsewhere, 'big'), join(out, 'link to a file'));
      writeTree(out, { '.ctxsync-x/tree/big': LARGE, 'web/big': LARGE });
      writeTree(context, { new: LARGE, tiny: 'small' });
      const { ownCopies } = compare(out, entriesOf(context), { others: ['web'] });
      expect(ownCopies).toEqual([]);
    });
  });

  it('is looked for among the first of the same size', async () => {
    await withTwins((context, out) => {
      const names = Array.from({ length: MAX_MOVED_CANDIDATES + 1 }, (_, i) => `m/f${100 + i}`);
      const files = names.map((name, i): [string, string] => [name, `${100 + i}`.repeat(500)]);
      writeTree(out, Object.fromEntries(files));
      writeTree(context, Object.fromEntries(files.map(([name, is]) => [`new/${name}`, is])));
      const { omitted } = update(out, { '': context });
      expect(omitted.reused).toBe(MAX_MOVED_CANDIDATES);
      expect(treeState(join(out, 'new'), { root: false })).toEqual(
        treeState(join(context, 'new'), { root: false }),
      );
    });
  });

  it('is refused, and OUT left as it is then, if it changes before it is copied', async () => {
    await withTwins((context, out) => {
      renameSync(join(context, 'm/big'), join(context, 'renamed'));
      const afterComparison = (): void => writeFileSync(join(out, 'm/big'), LARGE.toUpperCase());
      expect(() => update(out, { '': context }, { afterComparison })).toThrow(
        expect.objectContaining({
          code: 'not-writable',
          path: 'm/big',
          message: expect.stringContaining('was changed after it was compared'),
        }),
      );
      expect(Object.keys(treeState(out))).not.toContain('renamed');
    });
  });
});
