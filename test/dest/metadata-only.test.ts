import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { update } from '../helpers/cli/incremental.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

/** Runs `use` with a context, and an OUT with the same content, but other times. */
function withFresh<T>(use: (context: string, out: string) => T): Promise<T> {
  return withDirectory((directory) => {
    const [context, out] = [join(directory, 'context'), join(directory, 'out')];
    writeTree(context, {
      'a/file': 'content',
      'a/closed': 'secret',
      run: '#!/bin/sh\n',
      empty: '',
    });
    symlinkSync('a', join(context, 'link'));
    chmodSync(join(context, 'run'), 0o755);
    chmodSync(join(context, 'a/closed'), 0o400);
    execFileSync('cp', ['-a', context, out]);
    for (const path of ['a/file', 'a/closed', 'run', 'empty', 'link']) {
      lutimesSync(join(out, path), 1e9, 1e9);
    }
    return use(context, out);
  });
}

describe('a context of which only modes and times differ', () => {
  it.each([['root'], ['one who is not']])(
    'is put in place without content, in the same files, as root or not: %s',
    async (who) => {
      await withFresh((context, out) => {
        const before = statSync(join(out, 'a/file')).ino;
        chmodSync(join(out, 'run'), 0o600);
        const run = (): void => {
          const { bytes, omitted, wants } = update(out, { '': context });
          expect([bytes, omitted]).toEqual([0, { metadataOnly: 3, reused: 0 }]);
          const paths = wants.map(({ path }) => path);
          expect(paths).toEqual(['', 'a', 'a/closed', 'a/file', 'run']);
        };
        if (who === 'root') run();
        else asNobody(join(out, '..'), run);
        expect(treeState(out)).toEqual(treeState(context));
        expect(statSync(join(out, 'a/file')).ino).toBe(before);
      });
    },
  );

  it('is put in place in directories that nobody may write to, which keep their times', async () => {
    await withFresh((context, out) => {
      utimesSync(join(out, 'a'), 1e9, 1e9);
      utimesSync(join(context, 'a'), 1e9, 1e9);
      for (const root of [context, out]) chmodSync(join(root, 'a'), 0o555);
      asNobody(join(out, '..'), () => {
        const { wants } = update(out, { '': context });
        expect(wants).toContainEqual(expect.objectContaining({ path: 'a' }));
      });
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it('sends the content that differs, although its size does not', async () => {
    await withFresh((context, out) => {
      writeFileSync(join(out, 'a/file'), 'CONTENT');
      const { bytes, omitted } = update(out, { '': context });
      expect([bytes, omitted.metadataOnly]).toEqual(['content'.length, 2]);
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it('is put in place in the directory of a context with a name', async () => {
    await withFresh((context, out) => {
      const named = join(out, '../named');
      mkdirSync(named);
      renameSync(out, join(named, 'web'));
      linkSync(join(named, 'web/run'), join(named, 'other name'));
      const { bytes, omitted } = update(named, { web: context });
      expect([bytes, omitted]).toEqual([0, { metadataOnly: 3, reused: 0 }]);
      expect(treeState(join(named, 'web'))).toEqual(treeState(context));
    });
  });

  it('is sent where a file may not be read', async () => {
    await withFresh((context, out) => {
      asNobody(join(out, '..'), () => {
        chmodSync(join(out, 'a/file'), 0o200);
        const { bytes, omitted } = update(out, { '': context });
        expect([bytes, omitted.metadataOnly]).toEqual(['content'.length, 2]);
      });
      expect(treeState(out)).toEqual(treeState(context));
    });
  });
});

describe('a file whose content stays', () => {
  it('is a copy if it has other names, which keep their mode and time', async () => {
    await withFresh((context, out) => {
      const snapshot = join(out, '../snapshot');
      execFileSync('cp', ['-al', out, snapshot]);
      const before = treeState(snapshot);
      const { bytes, omitted } = update(out, { '': context });
      expect([bytes, omitted]).toEqual([0, { metadataOnly: 3, reused: 0 }]);
      expect(treeState(out)).toEqual(treeState(context));
      expect(withoutLinks(treeState(snapshot))).toEqual(withoutLinks(before));
    });
  });

  it('is a copy if it has several names in the context', async () => {
    await withFresh((context, out) => {
      for (const root of [context, out]) linkSync(join(root, 'a/file'), join(root, 'z'));
      const { bytes } = update(out, { '': context });
      expect(bytes).toBe(0);
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it('gets its other names after its mode and time', async () => {
    await withFresh((context, out) => {
      for (const name of ['b', 'z']) linkSync(join(context, 'a/file'), join(context, name));
      chmodSync(join(out, 'empty'), 0o600);
      linkSync(join(context, 'empty'), join(context, 'z-empty'));
      const { bytes } = update(out, { '': context });
      expect(bytes).toBe(0);
      expect(treeState(out)).toEqual(treeState(context));
    });
  });

  it.runIf(process.getuid?.() === 0)('is a copy if it belongs to another user', async () => {
    await withFresh((context, out) => {
      chownSync(join(out, 'a/file'), 12_345, 12_345);
      const { bytes, omitted } = update(out, { '': context });
      expect([bytes, omitted.metadataOnly]).toEqual([0, 3]);
      expect(treeState(out)).toEqual(treeState(context));
      expect(statSync(join(out, 'a/file')).uid).toBe(0);
    });
  });

  it.each<[happened: string, act: (file: string) => void]>([
    ['was written to', (file) => writeFileSync(file, 'CONTENT')],
    [
      'was written to, and its time set back',
      (file) => keepingTime(file, () => writeFileSync(file, 'CONTENT')),
    ],
    ['was replaced', (file) => keepingTime(file, () => replace(file, 'content'))],
    ['got another mode', (file) => chmodSync(file, 0o600)],
    ['got another name', (file) => linkSync(file, `${file}~`)],
    ['is a symlink now', (file) => toSymlink(file)],
    ['is gone', (file) => rmSync(file)],
  ])('is refused, and OUT left as it is then, if it %s before the commit', async (_, act) => {
    await withFresh((context, out) => {
      let before = {};
      const beforeCommit = (): void => {
        act(join(out, 'a/file'));
        before = treeState(out, { root: false });
      };
      expect(() => update(out, { '': context }, { beforeCommit })).toThrow(
        expect.objectContaining({
          code: 'not-writable',
          path: 'a/file',
          message: expect.stringContaining('was changed after it was compared'),
        }),
      );
      expect(treeState(out, { root: false })).toEqual(without(before, '.ctxsync'));
    });
  });

  it('is refused if a copy of it would be another file', async () => {
    await withFresh((context, out) => {
      linkSync(join(out, 'a/file'), join(out, 'a/other'));
      const failing = (): unknown =>
        update(
          out,
          { '': context },
          { afterComparison: () => writeFileSync(join(out, 'a/file'), 'CONTENT') },
        );
      expect(failing).toThrow(expect.objectContaining({ code: 'not-writable', path: 'a/file' }));
      expect(existsSync(join(out, 'a/other'))).toBe(true);
    });
  });
});

function replace(file: string, content: string): void {
  writeFileSync(`${file}~`, content);
  renameSync(`${file}~`, file);
}

function toSymlink(file: string): void {
  renameSync(file, `${file}~`);
  symlinkSync(`${file}~`, file);
  expect(readFileSync(file, 'utf8')).toBe('content');
}

function keepingTime(file: string, act: () => void): void {
  const { atime, mtime } = lstatSync(file);
  act();
  utimesSync(file, atime, mtime);
}

function withoutLinks(state: Record<string, string>): Record<string, string> {
  const entries = Object.entries(state);
  return Object.fromEntries(entries.map(([path, is]) => [path, is.replace(/ = .*/s, '')]));
}

function without(state: Record<string, string>, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(state).filter(([path]) => !path.startsWith(prefix)));
}
