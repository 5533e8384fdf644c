import { chmodSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { lay, ROOT, type EntryLike } from '../helpers/disk/stage.ts';
import { treeState, type TreeState } from '../helpers/trees/tree-state.ts';

const CONTEXT: EntryLike[] = [
  { ...ROOT, mode: 0o750, mtimeUs: 1_000_000_000_000_001 },
  { path: 'file', content: 'new', mode: 0o640 },
  { path: 'link', link: 'file' },
  { path: 'sub/', mode: 0o711, mtimeUs: 1_100_000_000_000_001 },
  { path: 'sub/deep/' },
  { path: 'sub/deep/file', content: 'new and deep' },
  { path: 'sub/other', kind: 'hardlink', link: 'file' },
];

describe('a commit', () => {
  it('writes the whole context to an OUT that did not exist', async () => {
    await withDirectory((directory) => {
      expect(lay(join(directory, 'a/b/out'), CONTEXT)).toEqual({
        removed: { count: 0, paths: [] },
        warnings: [],
      });
      expect(Object.keys(treeState(join(directory, 'a/b/out'))).toSorted()).toEqual(paths(CONTEXT));
    });
  });

  it('merges the context into what OUT has', async () => {
    await withDirectory((directory) => {
      const fresh = laid(join(directory, 'fresh'), CONTEXT);
      const out = join(directory, 'out');
      writeTree(out, { file: 'old', mine: 'mine', 'sub/deep/mine': 'too', 'sub/deep/file': 'old' });
      const mine = treeState(out);
      expect(lay(out, CONTEXT).removed.count).toBe(0);
      expect(treeState(out)).toEqual({
        ...fresh,
        mine: mine['mine'],
        'sub/deep/mine': mine['sub/deep/mine'],
      });
    });
  });

  it('with --delete makes OUT a mirror, and counts what it removed', async () => {
    await withDirectory((directory) => {
      const fresh = laid(join(directory, 'fresh'), CONTEXT);
      const out = join(directory, 'out');
      writeTree(out, { file: 'old', 'gone/a/b': '', 'sub/gone': '', 'sub/deep/file': 'old' });
      symlinkSync('/nowhere', join(out, 'gone-too'));
      expect(lay(out, CONTEXT, { delete: true }).removed.count).toBe(5);
      expect(treeState(out)).toEqual(fresh);
    });
  });

  it('keeps the work names of other runs in OUT, even with --delete', async () => {
    await withDirectory((out) => {
      writeTree(out, { '.ctxsync-notes': 'mine', 'sub/x': '' });
      writeTree(out, { 'sub/.ctxsync-lock': 'held by the receiver of sub' });
      lay(out, [{ path: 'sub/' }], { delete: true });
      expect(readdirSync(out).toSorted()).toEqual(['.ctxsync-notes', 'sub']);
      expect(readdirSync(join(out, 'sub'))).toEqual(['.ctxsync-lock']);
    });
  });

  const KINDS: Record<string, EntryLike[]> = {
    file: [{ path: 'x', content: 'file' }],
    'empty directory': [{ path: 'x/' }],
    'full directory': [{ path: 'x/' }, { path: 'x/y', content: 'in directory' }],
    'closed directory': [
      { path: 'x/', mode: 0o555 },
      { path: 'x/z', content: 'closed' },
    ],
    'symlink to a directory': [{ path: 'x', link: 'target' }],
    'symlink to a file': [{ path: 'x', link: 'target/y' }],
    'dangling symlink': [{ path: 'x', link: 'nowhere' }],
    hardlink: [
      { path: 'w', content: 'linked' },
      { path: 'x', kind: 'hardlink', link: 'w' },
    ],
  };
  const pairs = Object.keys(KINDS).flatMap((ours) =>
    Object.keys(KINDS).map((theirs): [string, string] => [ours, theirs]),
  );
  it.each(pairs)('puts a %s in place of a %s, and follows no symlink', async (ours, theirs) => {
    await withDirectory((directory) => {
      const fresh = laid(join(directory, 'fresh'), [ROOT, ...KINDS[ours]!]);
      const out = join(directory, 'out');
      lay(out, [ROOT, ...KINDS[theirs]!]);
      writeTree(out, { 'target/y': 'target' });
      const target = pick(treeState(out), 'target');
      lay(out, [ROOT, ...KINDS[ours]!], { delete: false });
      expect(pick(treeState(out), 'target')).toEqual(target);
      const after = treeState(out);
      const merged = ours.endsWith(' directory') && theirs.endsWith(' directory');
      for (const [path, state] of Object.entries(fresh)) expect(after[path]).toBe(state);
      if (!merged) expect(pick(after, 'x')).toEqual(pick(fresh, 'x'));
    });
  });

  it('replaces a symlink to a directory in OUT, and writes nothing to its target', async () => {
    await withDirectory((directory) => {
      const out = join(directory, 'out');
      writeTree(join(directory, 'elsewhere'), { 'deep/file': 'elsewhere', mine: 'mine' });
      mkdirSync(out);
      symlinkSync('../elsewhere', join(out, 'sub'));
      const elsewhere = treeState(join(directory, 'elsewhere'));
      lay(out, CONTEXT, { delete: true });
      expect(treeState(join(directory, 'elsewhere'))).toEqual(elsewhere);
      expect(readFileSync(join(out, 'sub/deep/file'), 'utf8')).toBe('new and deep');
      expect(treeState(out)).toEqual(laid(join(directory, 'fresh'), CONTEXT));
    });
  });

  it('enters read-only directories on both sides, and gives them their exact modes', async () => {
    await withDirectory((directory) => {
      const closed: EntryLike[] = [
        ROOT,
        { path: 'a/', mode: 0o555 },
        { path: 'a/b/', mode: 0o500 },
        { path: 'a/b/file', content: 'new' },
        { path: 'c/', mode: 0o000 },
      ];
      const out = join(directory, 'out');
      writeTree(out, { 'a/b/file': 'old', 'a/b/mine': 'mine', 'c/mine': 'mine' });
      for (const path of ['a/b', 'a', 'c']) chmodSync(join(out, path), 0o500);
      lay(out, closed, { delete: true });
      chmodSync(join(out, 'c'), 0o700);
      const fresh = join(directory, 'fresh');
      lay(fresh, closed);
      chmodSync(join(fresh, 'c'), 0o700);
      expect(treeState(out)).toEqual(treeState(fresh));
    });
  });

  it("gives OUT the mode and time of the context's root if that was sent, else keeps its mode", async () => {
    await withDirectory((out) => {
      chmodSync(out, 0o2775);
      lay(out, [{ path: 'named/' }]);
      expect(treeState(out)['']).toMatch(/^directory 2775 /);
      lay(out, [{ path: '/', mode: 0o711, mtimeUs: 1_000_001 }]);
      expect(treeState(out)['']).toBe('directory 711 1000001');
    });
  });

  it('replaces one name of a hardlinked file in OUT without changing the others', async () => {
    await withDirectory((out) => {
      lay(out, [
        { path: 'a', content: 'shared' },
        { path: 'b', kind: 'hardlink', link: 'a' },
      ]);
      lay(out, [{ path: 'a', content: 'alone' }]);
      expect(readFileSync(join(out, 'a'), 'utf8')).toBe('alone');
      expect(readFileSync(join(out, 'b'), 'utf8')).toBe('shared');
    });
  });
});

/** The state of a new directory after a commit of the entries. */
function laid(out: string, entries: readonly EntryLike[]): TreeState {
  lay(out, entries);
  return treeState(out);
}

/** The part of a state at and beneath a path. */
function pick(state: TreeState, path: string): TreeState {
  const mine = ([key]: [string, string]): boolean => key === path || key.startsWith(`${path}/`);
  return Object.fromEntries(Object.entries(state).filter(mine));
}

function paths(entries: readonly EntryLike[]): string[] {
  return entries.map(({ path }) => path.replace(/\/$/, '')).toSorted();
}
