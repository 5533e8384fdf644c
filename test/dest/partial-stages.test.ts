import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OmittedFiles } from '../../src/dest/omitted-files.ts';
import { PartialStages } from '../../src/dest/partial-stages.ts';
import { StageWriter } from '../../src/dest/stage-writer.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { toUtimesSeconds } from '../../src/disk/mtime.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { update } from '../helpers/cli/incremental.ts';
import { changeRandomly, withRandomPair } from '../helpers/trees/random-tree.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { contentOf, toEntry, type EntryLike } from '../helpers/disk/stage.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { held, tryHold } from '../helpers/disk/held.ts';
import { rounds } from '../helpers/proofs.ts';

const MTIME_US = 1_500_000_000_123_457;
const SECONDS = toUtimesSeconds(MTIME_US);
const SIZE = 'content'.length;

/** Makes a tree with a complete file in nested directories. */
function makeRemains(tree: string, content = 'content', path = 'a/b/file'): string {
  writeTree(tree, { [path]: content });
  utimesSync(join(tree, path), SECONDS, SECONDS);
  return tree;
}

describe('partialStages', () => {
  it('are empty, and find nothing, if there are no trees', () => {
    const partialStages = new PartialStages([], new WorkerStatus());
    expect(partialStages.empty).toBe(true);
    partialStages.enter('a');
    expect(partialStages.find('a/file', 0, 0)).toBeUndefined();
    partialStages.close();
  });

  it('find a file of the same path, size and time, in directories that were entered', async () => {
    await withDirectory((directory) => {
      const trees = [makeRemains(join(directory, 'tree'))];
      expect(search(trees, 'a/b/file')).toBe('content');
      expect(search(trees, 'a/b/other')).toBeUndefined();
      expect(search(trees, 'a/b')).toBeUndefined();
      expect(search(trees, 'a/b/file', { enter: ['a'] })).toBeUndefined();
    });
  });

  it.each([
    ['size', { size: SIZE - 1 }],
    ['size', { size: SIZE + 1 }],
    ['time, by a microsecond', { mtimeUs: MTIME_US + 1 }],
    ['time, by a microsecond', { mtimeUs: MTIME_US - 1 }],
  ])('do not find a file of another %s', async (_, wanted) => {
    await withDirectory((directory) => {
      expect(search([makeRemains(join(directory, 'tree'))], 'a/b/file', wanted)).toBeUndefined();
    });
  });

  it('do not find a file that was truncated or written to', async () => {
    await withDirectory((directory) => {
      const tree = makeRemains(join(directory, 'tree'));
      truncateSync(join(tree, 'a/b/file'), 3);
      expect(search([tree], 'a/b/file')).toBeUndefined();
      expect(search([tree], 'a/b/file', { size: 3 })).toBeUndefined();
    });
  });

  it('find the file of the newest stage', async () => {
    await withDirectory((directory) => {
      const trees = ['one', 'two', 'three'].map((name) => join(directory, name));
      mkdirSync(trees[0]!);
      makeRemains(trees[1]!, 'newer..');
      makeRemains(trees[2]!, 'older..');
      expect(search(trees, 'a/b/file')).toBe('newer..');
      expect(search(trees.toReversed(), 'a/b/file')).toBe('older..');
      expect(search([...trees, join(directory, 'missing')], 'a/b/file')).toBe('newer..');
    });
  });

  it.each(['a', 'a/b', 'a/b/file', ''])('follow no symlink at "%s"', async (at) => {
    await withDirectory((directory) => {
      const elsewhere = makeRemains(join(directory, 'elsewhere'), 'content', 'a/b/file');
      const tree = join(directory, 'tree');
      if (at !== '') mkdirSync(join(tree, at, '..'), { recursive: true });
      symlinkSync(join(elsewhere, at), join(tree, at).replace(/\/$/, ''));
      expect(readFileSync(join(tree, 'a/b/file'), 'utf8')).toBe('content');
      expect(search([tree], 'a/b/file')).toBeUndefined();
    });
  });

  it('do not find a file with other names, which may be in OUT', async () => {
    await withDirectory((directory) => {
      const tree = makeRemains(join(directory, 'tree'));
      linkSync(join(tree, 'a/b/file'), join(directory, 'out'));
      expect(search([tree], 'a/b/file')).toBeUndefined();
    });
  });

  it('find files in directories that nobody may enter, even without root', async () => {
    await withDirectory((directory) => {
      const tree = makeRemains(join(directory, 'tree'));
      asNobody(directory, () => {
        chmodSync(join(tree, 'a/b'), 0o000);
        chmodSync(join(tree, 'a'), 0o111);
        expect(search([tree], 'a/b/file')).toBe('content');
      });
    });
  });
});

describe('a file that is kept', () => {
  it.each([0o644, 0o400, 0o1755])(
    'is moved into the stage, and gets its mode: 0%o',
    async (mode) => {
      await withDirectory((directory) => {
        const tree = makeRemains(join(directory, 'old'));
        chmodSync(join(tree, 'a/b/file'), 0o4777);
        const { ino } = statSync(join(tree, 'a/b/file'));
        const stage = adopt(directory, [tree], { mode });
        const { mode: now, ino: inoNow, mtimeMs } = statSync(join(stage, 'a/b/file'));
        expect([now & 0o7777, inoNow]).toEqual([mode, ino]);
        expect(Math.floor(mtimeMs)).toBe(Math.floor(MTIME_US / 1000));
        expect(existsSync(join(tree, 'a/b/file'))).toBe(false);
      });
    },
  );

  it('is moved out of a read-only directory, even without root', async () => {
    await withDirectory((directory) => {
      const tree = makeRemains(join(directory, 'old'));
      asNobody(directory, () => {
        chmodSync(join(tree, 'a/b'), 0o555);
        expect(readFileSync(join(adopt(directory, [tree], {}), 'a/b/file'), 'utf8')).toBe(
          'content',
        );
      });
    });
  });

  it('does not count as content, as none arrived', async () => {
    await withDirectory((directory) => {
      const status = new WorkerStatus();
      adopt(directory, [makeRemains(join(directory, 'old'))], {}, status);
      expect(status.read().bytes).toBe(0);
    });
  });

  it.each([
    ['another size', { size: SIZE - 1 }],
    ['another time', { mtimeUs: MTIME_US + 1 }],
    ['another path', { path: 'a/b/other' }],
  ])('is refused if the stage only has one of %s', async (_, entry) => {
    await withDirectory((directory) => {
      const tree = makeRemains(join(directory, 'old'));
      const before = treeState(tree);
      expect(() => adopt(directory, [tree], entry)).toThrow(
        expect.objectContaining({
          code: 'source-changed',
          message: expect.stringMatching(/^a\/b\/\w+ was written to while the context was read/),
        }),
      );
      expect(treeState(tree)).toEqual(before);
    });
  });

  it.each(['a', 'a/b', 'a/b/file'])('is never taken through a symlink at %s', async (at) => {
    await withDirectory((directory) => {
      const elsewhere = makeRemains(join(directory, 'elsewhere'));
      const tree = join(directory, 'old');
      mkdirSync(join(tree, at, '..'), { recursive: true });
      symlinkSync(join(elsewhere, at), join(tree, at));
      const before = treeState(elsewhere);
      expect(() => adopt(directory, [tree], {})).toThrow(
        expect.objectContaining({ code: 'source-changed', path: 'a/b/file' }),
      );
      expect(treeState(elsewhere)).toEqual(before);
      expect(lstatSync(join(tree, at)).isSymbolicLink()).toBe(true);
      expect(existsSync(join(directory, 'stage/a/b/file'))).toBe(false);
    });
  });
});

describe('a transfer after an interrupted one', () => {
  it('continues from what that one left, and leaves no stage in OUT', async () => {
    await withDirectory((directory) => {
      const { context, out, stage } = makeBrokenOff(directory);
      truncateSync(join(stage, 'big'), 10);
      expect(update(out, { '': context }).bytes).toBe('big'.length + 'twin'.length);
      expect(treeState(out)).toEqual(treeState(context));
      expect(readdirSync(out).filter((name) => name.startsWith('.ctxsync'))).toEqual([]);
    });
  });

  it('does not reuse different content, even if size and time are the same', async () => {
    await withDirectory((directory) => {
      const { context, out } = makeBrokenOff(directory, { 'sub/file': 'OTHER' });
      expect(update(out, { '': context }).bytes).toBe('other'.length + 'twin'.length);
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it('keeps files separate that were one file in the stage', async () => {
    await withDirectory((directory) => {
      const { context, out, stage } = makeBrokenOff(directory, {});
      linkSync(join(stage, 'twin-a'), join(stage, 'twin-b'));
      update(out, { '': context });
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it('continues in directories that are read-only by then, even without root', async () => {
    await withDirectory((directory) => {
      const { context, out, stage } = makeBrokenOff(directory);
      chmodSync(join(context, 'sub'), 0o555);
      asNobody(directory, () => {
        chmodSync(join(stage, 'sub'), 0o555);
        update(out, { '': context });
        expect(treeState(out)).toEqual(treeState(context));
      });
    });
  });
});

describe('any transfer after any interrupted one', () => {
  it.each([['root'], ['one who is not']])(
    'makes OUT equal to the context, as root or not: %s',
    async (who) => {
      const seeds = rounds(80);
      for (let seed = 0; seed < seeds; seed++) {
        await withRandomPair(seed, ({ directory, context, out, random }) => {
          changeRandomly(out, random, 8);
          for (const name of ['.ctxsync-0123456789abcdef', '.ctxsync-0123456789abcde0']) {
            const stage = join(out, name);
            mkdirSync(stage);
            execFileSync('cp', ['-a', context, join(stage, 'tree')]);
            changeRandomly(join(stage, 'tree'), random, 3);
          }
          const run = (): void => {
            update(out, { '': context }, { delete: true, checksum: true });
            expect(treeState(out), `seed ${seed}`).toEqual(treeState(context));
          };
          if (who === 'root') run();
          else asNobody(directory, run);
        });
      }
    },
  );
});

interface BrokenOff {
  context: string;
  out: string;
  /** The tree of the stage that is left. */
  stage: string;
}

/** @param staged files that the stage has instead of the context's */
function makeBrokenOff(directory: string, staged: Record<string, string> = {}): BrokenOff {
  const context = join(directory, 'context');
  const out = join(directory, 'out');
  const stage = join(out, '.ctxsync-0123456789abcdef/tree');
  const files = { big: 'big', 'sub/file': 'other', 'twin-a': 'twin', 'twin-b': 'twin' };
  writeTree(context, files);
  const { 'twin-b': _, ...whole } = files;
  writeTree(stage, { ...whole, ...staged });
  for (const path of Object.keys(files)) utimesSync(join(context, path), SECONDS, SECONDS);
  for (const path of Object.keys(whole)) utimesSync(join(stage, path), SECONDS, SECONDS);
  return { context, out, stage };
}

/** The content of the file that is found after its directories were entered. */
function search(
  trees: readonly string[],
  path: string,
  { size = SIZE, mtimeUs = MTIME_US, enter = ['a', 'a/b'] } = {},
): string | undefined {
  const partialStages = new PartialStages(trees.map(tryHold), new WorkerStatus());
  try {
    for (const each of enter) partialStages.enter(each);
    const found = partialStages.find(path, size, mtimeUs);
    return found && readFileSync(found.directory.child(found.name), 'utf8');
  } finally {
    partialStages.close();
  }
}

/** Stages a/b/file without its content. @returns the stage */
function adopt(
  directory: string,
  trees: readonly string[],
  given: Partial<EntryLike>,
  status = new WorkerStatus(),
): string {
  const stage = join(directory, 'stage');
  mkdirSync(stage);
  const omittedFiles = new OmittedFiles({
    name: '',
    ownCopies: { find: (path) => ({ kind: 'partial-stage', path }), close: () => {} },
    out: held(directory),
    partialStages: new PartialStages(trees.map(tryHold), status),
    status,
    onLocalChange: () => {},
  });
  const writer = new StageWriter(held(stage), 0o022, status, { omittedFiles });
  const file: EntryLike = {
    path: 'a/b/file',
    contentOmitted: true,
    size: SIZE,
    mtimeUs: MTIME_US,
    ...given,
  };
  try {
    for (const each of [{ path: 'a/' }, { path: 'a/b/' }, file]) {
      writer.add(toEntry(each), contentOf(''), false);
    }
    writer.end();
  } finally {
    omittedFiles.close();
  }
  return stage;
}
