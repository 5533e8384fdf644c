import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { versionOf } from '../../src/dest/file-version.ts';
import { toMicroseconds, toUtimesSeconds } from '../../src/disk/mtime.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import type { ManifestEntry } from '../../src/entry/entry.ts';
import { makeExoticTree } from '../helpers/trees/exotic-tree.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import {
  checksummed,
  compare,
  entriesOf,
  ourUid,
  wantBytes,
  type Compared,
} from '../helpers/cli/incremental.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

interface Twins {
  context: string;
  out: string;
}

/** Runs `use` with a context, and an OUT that is its copy. */
function withTwins<T>(use: (twins: Twins, directory: string) => T): Promise<T> {
  return withDirectory((directory) => {
    const context = join(directory, 'context');
    const out = join(directory, 'out');
    writeTree(context, { 'a/b/file': 'content', 'a/other': 'o', 'c/file': 'c', last: 'l' });
    symlinkSync('a/b', join(context, 'link'));
    copy(context, out);
    return use({ context, out }, directory);
  });
}

function copy(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}

const ALL_UNCHANGED = { written: 0, metadataOnly: 0, wanted: 0 };

describe('a comparison', () => {
  it('wants only the root if both trees are equal', async () => {
    await withTwins(({ context, out }) => {
      const { wants, localChanges, counts } = compare(out, entriesOf(context));
      expect([pathsOf(wants), localChanges]).toEqual([[''], []]);
      expect(counts).toEqual({ ...ALL_UNCHANGED, unchanged: 8 });
    });
  });

  it('wants only the root of a copy with everything that a transfer preserves', async () => {
    await withDirectory((directory) => {
      const context = join(directory, 'context');
      mkdirSync(context);
      makeExoticTree(context);
      copy(context, join(directory, 'out'));
      for (const entries of [entriesOf(context), checksummed(context)]) {
        const { wants, localChanges, counts } = compare(join(directory, 'out'), entries);
        expect([pathsOf(wants), localChanges]).toEqual([[''], []]);
        expect(counts).toEqual({ ...ALL_UNCHANGED, unchanged: entries.length - 1 });
      }
    });
  });

  it.each<[what: string, change: (out: string) => void, counts: Partial<Compared['counts']>]>([
    ['is missing', (out) => keepingTime(out, 'a/b', () => unlinkSync(join(out, 'a/b/file'))), {}],
    ['is a microsecond younger', (out) => shiftTime(join(out, 'a/b/file'), 1), {}],
    ['is a microsecond older', (out) => shiftTime(join(out, 'a/b/file'), -1), {}],
    ['has another size', (out) => rewrite(out, 'a/b/file', 'content.'), {}],
    ['is a directory', (out) => replace(out, 'a/b/file', (path) => mkdirSync(path)), {}],
    ['is a symlink', (out) => replace(out, 'a/b/file', (path) => symlinkSync('x', path)), {}],
    ['is a FIFO', (out) => replace(out, 'a/b/file', makeFifo), {}],
  ])('wants a file that %s, and the directories above it', async (_, change) => {
    await withTwins(({ context, out }) => {
      change(out);
      const { wants, localChanges, counts } = compare(out, entriesOf(context));
      expect(pathsOf(wants)).toEqual(['', 'a', 'a/b', 'a/b/file']);
      expect(localChanges).toEqual([]);
      expect(counts).toEqual({ written: 1, metadataOnly: 0, unchanged: 7, wanted: 3 });
    });
  });

  it('wants a file with different content only if contents are compared', async () => {
    await withTwins(({ context, out }) => {
      rewrite(out, 'a/b/file', 'CONTENT');
      expect(pathsOf(compare(out, entriesOf(context)).wants)).toEqual(['']);
      const { wants } = compare(out, checksummed(context));
      expect(pathsOf(wants)).toEqual(['', 'a', 'a/b', 'a/b/file']);
    });
  });

  it('wants a symlink with a different target', async () => {
    await withTwins(({ context, out }) => {
      replace(out, 'link', (path) => symlinkSync('a/c', path));
      expect(pathsOf(compare(out, entriesOf(context)).wants)).toEqual(['', 'link']);
      replace(out, 'link', (path) => symlinkSync('a/b', path));
      expect(pathsOf(compare(out, entriesOf(context)).wants)).toEqual(['']);
    });
  });

  it('wants a directory with a different mode or time, but nothing in it', async () => {
    await withTwins(({ context, out }) => {
      chmodSync(join(out, 'a/b'), 0o700);
      expect(pathsOf(compare(out, entriesOf(context)).wants)).toEqual(['', 'a', 'a/b']);
      chmodSync(join(out, 'a/b'), lstatSync(join(context, 'a/b')).mode);
      shiftTime(join(out, 'c'), -1);
      expect(pathsOf(compare(out, entriesOf(context)).wants)).toEqual(['', 'c']);
    });
  });

  it.each(['a file', 'a symlink to the same'])(
    'wants a whole directory if OUT has %s in its place',
    async (what) => {
      await withTwins(({ context, out }, directory) => {
        renameSync(join(out, 'a'), join(directory, 'aside'));
        if (what === 'a file') writeFileSync(join(out, 'a'), '');
        else symlinkSync('../aside', join(out, 'a'));
        const { wants, localChanges } = compare(out, entriesOf(context));
        expect(pathsOf(wants)).toEqual(['', 'a', 'a/b', 'a/b/file', 'a/other']);
        expect(localChanges).toEqual([]);
      });
    },
  );

  it.each(['is missing', 'is empty', 'is a file', 'is a symlink'])(
    'wants everything if OUT %s',
    async (what) => {
      await withTwins(({ context, out }, directory) => {
        renameSync(out, join(directory, 'aside'));
        if (what === 'is empty') mkdirSync(out);
        if (what === 'is a file') writeFileSync(out, '');
        if (what === 'is a symlink') symlinkSync('aside', out);
        const entries = entriesOf(context);
        const { wants, localChanges, counts } = compare(out, entries);
        expect(pathsOf(wants)).toEqual(pathsOf(entries));
        expect(localChanges).toEqual([]);
        expect(counts).toEqual({ written: 8, metadataOnly: 0, unchanged: 0, wanted: 8 });
      });
    },
  );

  it('wants each directory once, before the first changed entry in it', async () => {
    await withTwins(({ context, out }) => {
      for (const path of ['a/b/file', 'a/other', 'c/file', 'last']) shiftTime(join(out, path), 1);
      const { wants, counts } = compare(out, entriesOf(context));
      const paths = ['', 'a', 'a/b', 'a/b/file', 'a/other', 'c', 'c/file', 'last'];
      expect(pathsOf(wants)).toEqual(paths);
      expect(counts).toEqual({ written: 4, metadataOnly: 0, unchanged: 4, wanted: 7 });
    });
  });

  it('wants a file that it may not read if contents are compared', async () => {
    await withTwins(({ context, out }, directory) => {
      chmodSync(join(context, 'last'), 0);
      const entries = checksummed(context);
      asNobody(directory, () => {
        chmodSync(join(out, 'last'), 0);
        expect(pathsOf(compare(out, entries).wants)).toEqual(['', 'last']);
      });
    });
  });

  it('changes nothing in OUT', async () => {
    await withTwins(({ context, out }) => {
      rewrite(out, 'a/b/file', 'changed');
      chmodSync(join(out, 'a'), 0o555);
      writeTree(out, { 'mine/x': '' });
      const before = treeState(out);
      compare(out, checksummed(context));
      expect(treeState(out)).toEqual(before);
    });
  });
});

describe('a file of another time, but the same size', () => {
  it('is wanted with the digest of what is there, which is to stay', async () => {
    await withTwins(({ context, out }) => {
      shiftTime(join(out, 'last'), -1);
      const { wants, ownCopies, localChanges, counts } = compare(out, entriesOf(context));
      expect(wants).toMatchObject([{ path: '' }, { path: 'last', sha256: digestsOf(out)['last'] }]);
      const version = versionAt(join(out, 'last'));
      expect(ownCopies).toEqual([{ kind: 'in-place', path: 'last', version }]);
      expect(localChanges).toEqual([]);
      expect(counts).toEqual({ written: 1, metadataOnly: 0, unchanged: 7, wanted: 1 });
    });
  });

  it.each<[what: string, uid: bigint | undefined, act: (out: string) => void]>([
    ['has other names', ourUid(), (out) => linkSync(join(out, 'last'), join(out, 'z-other'))],
    ['belongs to another user', ourUid() + 1n, () => {}],
    ['belongs to nobody knows whom', undefined, () => {}],
  ])('is to be copied if it %s', async (_, uid, act) => {
    await withTwins(({ context, out }) => {
      act(out);
      shiftTime(join(out, 'last'), -1);
      const sha256 = digestsOf(out)['last'];
      const { wants, ownCopies } = compare(out, entriesOf(context), { uid });
      expect(wants).toMatchObject([{ path: '' }, { path: 'last', sha256 }]);
      expect(ownCopies).toEqual([{ kind: 'copy', path: 'last', source: 'last', sha256 }]);
    });
  });

  it('is wanted without a digest if it may not be read', async () => {
    await withTwins(({ context, out }, directory) => {
      asNobody(directory, () => {
        shiftTime(join(out, 'last'), -1);
        chmodSync(join(out, 'last'), 0);
        const { wants, ownCopies } = compare(out, entriesOf(context));
        expect(wants).toMatchObject([{ path: '' }, { path: 'last' }]);
        expect([wants[1]!.sha256, ownCopies]).toEqual([undefined, []]);
      });
    });
  });

  it('is wanted without a digest if it is written to while it is read', async () => {
    await withTwins(({ context, out }) => {
      shiftTime(join(out, 'last'), -1);
      const status = watching((state, path) => {
        if (state === 'comparing' && path === 'last') appendFileSync(join(out, 'last'), 'more');
      });
      const { wants, ownCopies } = compare(out, entriesOf(context), { status });
      expect(wants).toMatchObject([{ path: '' }, { path: 'last' }]);
      expect([wants[1]!.sha256, ownCopies]).toEqual([undefined, []]);
    });
  });

  it('needs nothing to be sent if it is empty, or if its digest was listed', async () => {
    await withTwins(({ context, out }) => {
      writeFileSync(join(context, 'last'), '');
      writeFileSync(join(out, 'last'), '');
      shiftTime(join(out, 'last'), -1);
      shiftTime(join(out, 'a/b/file'), -1);
      const { wants, localChanges, counts } = compare(out, checksummed(context));
      expect(pathsOf(wants)).toEqual(['']);
      expect(localChanges).toMatchObject([
        { kind: 'metadata', path: 'a/b/file' },
        { kind: 'metadata', path: 'last' },
      ]);
      expect(counts).toEqual({ written: 0, metadataOnly: 2, unchanged: 6, wanted: 0 });
      const other = compare(out, entriesOf(context));
      expect(pathsOf(other.wants)).toEqual(['', 'a', 'a/b', 'a/b/file']);
      expect(pathsOf(other.localChanges)).toEqual(['last']);
    });
  });

  it('is wanted without a digest if the listed one shows that it differs', async () => {
    await withTwins(({ context, out }) => {
      writeFileSync(join(out, 'last'), 'L');
      const { wants, ownCopies } = compare(out, checksummed(context));
      expect(wants).toMatchObject([{ path: '' }, { path: 'last' }]);
      expect([wants[1]!.sha256, ownCopies]).toEqual([undefined, []]);
    });
  });
});

describe('an entry of which only the mode or a time differs', () => {
  it.each<[what: string, change: (out: string) => void, path?: string]>([
    ['a file has another mode', (out) => chmodSync(join(out, 'a/b/file'), 0o600)],
    ['a file is setuid', (out) => chmodSync(join(out, 'a/b/file'), 0o4644)],
    ['a file is sticky', (out) => chmodSync(join(out, 'a/b/file'), 0o1644)],
    ['a symlink has another time', (out) => shiftTime(join(out, 'link'), 1), 'link'],
  ])(
    'is changed in place, and nothing is read or sent, if %s',
    async (_, change, path = 'a/b/file') => {
      await withTwins(({ context, out }) => {
        change(out);
        const status = watching((state) => expect(state).not.toBe('comparing'));
        const { wants, localChanges, counts } = compare(out, entriesOf(context), { status });
        expect(pathsOf(wants)).toEqual(['']);
        const listed = entriesOf(context).find((each) => each.path === path)!;
        const { mode, mtimeUs } = listed;
        const version = versionAt(join(out, path));
        expect(localChanges).toEqual([{ kind: 'metadata', path, mode, mtimeUs, version }]);
        expect(counts).toEqual({ written: 0, metadataOnly: 1, unchanged: 7, wanted: 0 });
      });
    },
  );

  it('is made again if it is a symlink with other names', async () => {
    await withTwins(({ context, out }) => {
      linkSync(join(out, 'link'), join(out, 'z-other'));
      shiftTime(join(out, 'link'), 1);
      const { wants, counts } = compare(out, entriesOf(context));
      expect(pathsOf(wants)).toEqual(['', 'link']);
      expect(counts).toMatchObject({ written: 0, metadataOnly: 1 });
    });
  });

  it('is counted as such if it is a directory', async () => {
    await withTwins(({ context, out }) => {
      shiftTime(join(out, 'c'), 1);
      expect(compare(out, entriesOf(context)).counts).toMatchObject({
        written: 0,
        metadataOnly: 1,
      });
    });
  });

  it('gets its other names by links if it stays and is a file with several', async () => {
    await withTwins(({ context, out }) => {
      linkSync(join(context, 'last'), join(context, 'z-last'));
      shiftTime(join(out, 'last'), 1);
      const { wants, ownCopies, localChanges } = compare(out, entriesOf(context));
      expect(pathsOf(wants)).toEqual(['', 'last']);
      expect(ownCopies).toMatchObject([{ kind: 'in-place', path: 'last' }]);
      expect(localChanges).toEqual([{ kind: 'link', path: 'z-last', link: 'last' }]);
    });
  });
});

describe('what the context lacks', () => {
  it('is to be removed in order, listed only by the topmost paths', async () => {
    await withTwins(({ context, out }) => {
      const mine = ['a/a', 'a/b/zzz', 'b', 'zzz/deep/x', '0'];
      for (const path of mine) keepingTimes(out, () => writeTree(out, { [path]: 'mine' }));
      symlinkSync('nowhere', join(out, 'dangling'));
      const { wants, localChanges } = compare(out, entriesOf(context));
      expect(pathsOf(wants)).toEqual(['']);
      const removed = ['0', 'a/a', 'a/b/zzz', 'b', 'dangling', 'zzz'];
      expect(localChanges).toEqual(removed.map((path) => ({ kind: 'remove', path })));
    });
  });

  it('is removed with its directory if that becomes something else', async () => {
    await withTwins(({ context, out }) => {
      replace(out, 'last', () => writeTree(out, { 'last/mine': '' }));
      expect(compare(out, entriesOf(context))).toMatchObject({
        wants: [{ path: '' }, { path: 'last' }],
        localChanges: [],
      });
    });
  });

  it('stays if it belongs to another context or to a receiver', async () => {
    await withTwins(({ context, out }) => {
      writeTree(out, { 'web/x': '', '.ctxsync-lock': '', '.ctxsync-0123456789abcdef/tree/x': '' });
      writeTree(out, { '.ctxsync-mine': '', 'a/web': '', 'a/.ctxsync-lock': '' });
      const { localChanges } = compare(out, entriesOf(context), { others: ['web', 'absent'] });
      expect(pathsOf(localChanges)).toEqual(['a/web']);
    });
  });

  it('does not include another context: an entry of that name is refused', async () => {
    await withTwins(({ context, out }) => {
      const entries = entriesOf(context);
      expect(() => compare(out, entries, { others: ['c'] })).toThrow(
        expect.objectContaining({
          code: 'unsafe-entry',
          path: 'c',
          message: 'refused c: another context has it already',
        }),
      );
      expect(() => compare(out, entries, { others: ['file', 'b'] })).not.toThrow();
    });
  });
});

describe('a file with several names', () => {
  const NAMES = ['a/b/file', 'a/twin', 'c/twin'];

  /** Runs `use` with a context where `NAMES` are one file, and an OUT that is its copy with hardlinks. */
  function withLinks<T>(use: (twins: Twins) => T): Promise<T> {
    return withDirectory((directory) => {
      const context = join(directory, 'context');
      writeTree(context, { 'a/b/file': 'content', 'c/file': 'c' });
      for (const name of NAMES.slice(1)) linkSync(join(context, NAMES[0]!), join(context, name));
      copy(context, join(directory, 'out'));
      return use({ context, out: join(directory, 'out') });
    });
  }

  /** Makes a name a separate file, with the same content, mode and time. */
  function split(root: string, path: string): void {
    const at = join(root, path);
    keepingTimes(root, () => {
      execFileSync('cp', ['-p', at, `${at}~`]);
      renameSync(`${at}~`, at);
    });
  }

  it('is unchanged if OUT has the same hardlinks', async () => {
    await withLinks(({ context, out }) => {
      expect(compare(out, entriesOf(context))).toMatchObject({
        wants: [{ path: '' }],
        localChanges: [],
        counts: { ...ALL_UNCHANGED, unchanged: 7 },
      });
    });
  });

  it('gets a link for a name that is a separate file in OUT, and nothing is sent', async () => {
    await withLinks(({ context, out }) => {
      split(out, 'c/twin');
      expect(compare(out, entriesOf(context))).toMatchObject({
        wants: [{ path: '' }],
        localChanges: [{ kind: 'link', path: 'c/twin', link: 'a/b/file' }],
        counts: { written: 1, metadataOnly: 0, unchanged: 6, wanted: 0 },
      });
    });
  });

  it.each<[what: string, change: (path: string) => void]>([
    ['is missing', () => {}],
    ['is a directory', (path) => mkdirSync(path)],
    ['is a symlink to the first', (path) => symlinkSync('../a/b/file', path)],
  ])('gets a link for a name that %s in OUT', async (_, change) => {
    await withLinks(({ context, out }) => {
      replace(out, 'c/twin', change);
      expect(compare(out, entriesOf(context))).toMatchObject({
        wants: [{ path: '' }],
        localChanges: [{ kind: 'link', path: 'c/twin', link: 'a/b/file' }],
      });
    });
  });

  it('gets a link for a name in a new directory, and the directory is sent', async () => {
    await withLinks(({ context, out }) => {
      rmSync(join(out, 'c'), { recursive: true });
      const { wants, localChanges } = compare(out, entriesOf(context));
      expect(pathsOf(wants)).toEqual(['', 'c', 'c/file']);
      expect(localChanges).toEqual([{ kind: 'link', path: 'c/twin', link: 'a/b/file' }]);
    });
  });

  it('is wanted under all its names if it changed', async () => {
    await withLinks(({ context, out }) => {
      rewrite(out, 'a/b/file', 'changed!');
      const { wants, localChanges, counts } = compare(out, entriesOf(context));
      expect(pathsOf(wants)).toEqual(['', 'a', 'a/b', 'a/b/file', 'a/twin', 'c', 'c/twin']);
      expect(localChanges).toEqual([]);
      expect(counts).toEqual({ written: 3, metadataOnly: 0, unchanged: 4, wanted: 6 });
    });
  });

  it('is wanted under all its names if the first one is a separate file that changed', async () => {
    await withLinks(({ context, out }) => {
      split(out, 'a/b/file');
      rewrite(out, 'a/b/file', 'changed!');
      const { wants } = compare(out, entriesOf(context));
      expect(pathsOf(wants)).toEqual(['', 'a', 'a/b', 'a/b/file', 'a/twin', 'c', 'c/twin']);
    });
  });

  it('is split if only OUT has it: the later names are wanted', async () => {
    await withLinks(({ context, out }) => {
      for (const name of NAMES.slice(1)) split(context, name);
      const { wants, localChanges, counts } = compare(out, entriesOf(context));
      expect(pathsOf(wants)).toEqual(['', 'a', 'a/twin', 'c', 'c/twin']);
      expect(localChanges).toEqual([]);
      expect(counts).toEqual({ written: 2, metadataOnly: 0, unchanged: 5, wanted: 4 });
    });
  });

  it('gets its names by links if they are hardlinked differently in OUT', async () => {
    await withDirectory((directory) => {
      const context = join(directory, 'context');
      writeTree(context, { a: 'same', c: 'same' });
      for (const name of ['a', 'c']) utimesSync(join(context, name), 1e9, 1e9);
      linkSync(join(context, 'a'), join(context, 'b'));
      linkSync(join(context, 'c'), join(context, 'd'));
      const out = join(directory, 'out');
      writeTree(out, { a: 'same', b: 'same' });
      for (const name of ['a', 'b']) utimesSync(join(out, name), 1e9, 1e9);
      linkSync(join(out, 'a'), join(out, 'c'));
      linkSync(join(out, 'b'), join(out, 'd'));
      const { wants, localChanges } = compare(out, entriesOf(context));
      expect(pathsOf(wants)).toEqual(['', 'c', 'd']);
      expect(localChanges).toEqual([{ kind: 'link', path: 'b', link: 'a' }]);
    });
  });
});

describe('what earlier runs have left', () => {
  it('provides the digest of a changed file, from the newest stage that may have it', async () => {
    await withTwins(({ context, out }, directory) => {
      const older = join(directory, 'older');
      const newer = join(directory, 'newer');
      copy(context, older);
      copy(context, newer);
      rmSync(out, { recursive: true });
      rewrite(newer, 'a/b/file', 'CONTENT');
      rewrite(newer, 'c/file', 'cut');
      rmSync(join(newer, 'last'));
      shiftTime(join(newer, 'a/other'), 1);
      shiftTime(join(older, 'a/other'), 1);
      const { wants } = compare(out, entriesOf(context), { partialStages: [newer, older] });
      const digests = Object.fromEntries(wants.map(({ path, sha256 }) => [path, sha256]));
      const theirs = digestsOf(older);
      expect(digests).toEqual({
        '': undefined,
        a: undefined,
        'a/b': undefined,
        'a/b/file': digestsOf(newer)['a/b/file'],
        'a/other': undefined,
        c: undefined,
        'c/file': theirs['c/file'],
        last: theirs['last'],
        link: undefined,
      });
    });
  });

  it('is not searched for unchanged files', async () => {
    await withTwins(({ context, out }, directory) => {
      copy(context, join(directory, 'stage'));
      const { wants } = compare(out, entriesOf(context), {
        partialStages: [join(directory, 'stage')],
      });
      expect(pathsOf(wants)).toEqual(['']);
    });
  });

  it('is ignored without an error if it may not be read', async () => {
    await withTwins(({ context, out }, directory) => {
      const stage = join(directory, 'stage');
      copy(context, stage);
      const entries = entriesOf(context);
      rmSync(join(out, 'last'));
      rmSync(join(out, 'c'), { recursive: true });
      asNobody(directory, () => {
        chmodSync(join(stage, 'last'), 0);
        chmodSync(join(stage, 'c'), 0);
        const { wants } = compare(out, entries, { partialStages: [stage] });
        expect(wants.at(-1)?.sha256).toBeUndefined();
        expect(pathsOf(wants)).toEqual(['', 'c', 'c/file', 'last']);
        expect(() => wantBytes(wants)).not.toThrow();
      });
    });
  });

  it('is not offered if it has other names, as they might be in OUT', async () => {
    await withTwins(({ context, out }, directory) => {
      const stage = join(directory, 'stage');
      copy(context, stage);
      rmSync(join(out, 'last'));
      linkSync(join(stage, 'last'), join(directory, 'elsewhere'));
      const { wants } = compare(out, entriesOf(context), { partialStages: [stage] });
      expect(pathsOf(wants)).toEqual(['', 'last']);
      expect(wants.every(({ sha256 }) => sha256 === undefined)).toBe(true);
    });
  });
});

function pathsOf(some: readonly { path: string }[]): string[] {
  return some.map(({ path }) => path);
}

/** Calls back at each call on the disk. */
function watching(onState: (state: string, path: string) => void): WorkerStatus {
  return new (class extends WorkerStatus {
    override enter(...[state, path = '']: Parameters<WorkerStatus['enter']>): void {
      super.enter(state, path);
      onState(state, path);
    }
  })();
}

function versionAt(path: string): string {
  return versionOf(lstatSync(path, { bigint: true }));
}

function digestsOf(root: string): Record<string, string | undefined> {
  const entries = checksummed(root).map(({ path, sha256 }: ManifestEntry) => [path, sha256]);
  return Object.fromEntries(entries) as Record<string, string | undefined>;
}

function shiftTime(path: string, us: number): void {
  const { mtimeNs } = lstatSync(path, { bigint: true });
  const seconds = toUtimesSeconds(toMicroseconds(mtimeNs) + us);
  lutimesSync(path, seconds, seconds);
}

/** Writes other content, and keeps mode and time. */
function rewrite(root: string, path: string, content: string): void {
  keepingTime(root, path, () => writeFileSync(join(root, path), content));
}

/** Replaces an entry, and keeps its time and those of the directories. */
function replace(root: string, path: string, make: (path: string) => void): void {
  const at = join(root, path);
  keepingTimes(root, () => {
    const { mtimeNs } = lstatSync(at, { bigint: true });
    rmSync(at, { recursive: true });
    make(at);
    if (lstatSync(at, { throwIfNoEntry: false }) === undefined) return;
    const seconds = toUtimesSeconds(toMicroseconds(mtimeNs));
    lutimesSync(at, seconds, seconds);
  });
}

function keepingTime(root: string, path: string, act: () => void): void {
  const { mtimeNs } = lstatSync(join(root, path), { bigint: true });
  act();
  const seconds = toUtimesSeconds(toMicroseconds(mtimeNs));
  lutimesSync(join(root, path), seconds, seconds);
}

/** Runs `act`, and then restores the times of all directories of the tree. */
function keepingTimes(root: string, act: () => void): void {
  const directories = Object.entries(treeState(root)).filter(([, state]) =>
    state.startsWith('directory'),
  );
  act();
  for (const [path, state] of directories) {
    const at = join(root, path);
    if (lstatSync(at, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
    const seconds = toUtimesSeconds(Number(state.split(' ')[2]));
    lutimesSync(at, seconds, seconds);
  }
}

function makeFifo(path: string): void {
  execFileSync('mkfifo', [path]);
}
