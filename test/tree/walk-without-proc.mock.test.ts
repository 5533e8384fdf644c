import { readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import type { SourceEntry } from '../../src/entry/entry.ts';
import { WantReader } from '../../src/entry/wants.ts';
import { walkWanted } from '../../src/tree/walk-wanted.ts';
import { walk } from '../../src/tree/walk.ts';
import { MemorySource } from '../helpers/trees/archive-io.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { entriesOf, walkOptions, wantBytes } from '../helpers/cli/incremental.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';

vi.mock('node:fs', async (original) =>
  (await import('../helpers/disk/without-proc.ts')).withoutProc(await original()),
);

const PATHS = ['', 'a', 'a/b', 'a/b/secret', 'a/z'];

// As on macOS: children are reached by path.
describe.each<[name: string, start: (root: string) => Generator<SourceEntry>]>([
  ['a walk', (root) => walk(root, walkOptions())],
  ['a walk to what is wanted', (root) => walkWanted(root, wanted(root), walkOptions())],
])('without /proc, %s', (_, start) => {
  it('yields all of a context', async () => {
    await withDirectory((directory) => {
      const root = makeContext(directory);
      expect(Array.from(start(root), ({ path }) => path)).toEqual(PATHS);
    });
  });

  it.each<[at: string, swapped: string]>([
    ['a', 'a'],
    ['a/b', 'a/b'],
    ['a/b', 'a'],
    ['a/b/secret', 'a'],
  ])('fails at %s when %s has come to lead out of the context', async (at, swapped) => {
    await withDirectory((directory) => {
      const root = makeContext(directory);
      const yielded: string[] = [];
      expect(() => {
        for (const { path } of start(root)) {
          yielded.push(path);
          if (path === at) leadOut(root, swapped);
        }
      }).toThrow(expect.objectContaining({ code: 'source-changed' }));
      expect(yielded).toEqual(PATHS.slice(0, PATHS.indexOf(at) + 1));
    });
  });
});

describe('without /proc, an ignored directory', () => {
  it('fails the walk when its parent directory has come to lead out of the context', async () => {
    await withDirectory((directory) => {
      const root = makeContext(directory);
      let looks = 0;
      class SwappingGauge extends WorkerStatus {
        override enter(...[state, path]: Parameters<WorkerStatus['enter']>): void {
          super.enter(state, path);
          // The first look is for the directory itself, the second for its content.
          if (path === 'a/b' && ++looks === 2) leadOut(root, 'a');
        }
      }
      const entries = walk(root, walkOptions('a/b\n!a/b/secret\n', new SwappingGauge()));
      expect(() => [...entries]).toThrow(
        expect.objectContaining({ code: 'source-changed', path: 'a/b' }),
      );
    });
  });
});

function makeContext(directory: string): string {
  const root = join(directory, 'context');
  writeTree(root, { 'a/b/secret': 'inside', 'a/z': '' });
  writeTree(join(directory, 'outside'), { 'b/secret': 'outside', secret: 'outside', z: '' });
  return root;
}

/** Replaces `path` by a symlink to a directory with the same names. */
function leadOut(root: string, path: string): void {
  renameSync(join(root, path), join(root, '../aside'));
  symlinkSync(join(root, '../outside', path.slice(2)), join(root, path));
  expect(readFileSync(join(root, 'a/b/secret'), 'utf8')).toBe('outside');
}

function wanted(root: string): WantReader {
  return new WantReader(new MemorySource(wantBytes(entriesOf(root))));
}
