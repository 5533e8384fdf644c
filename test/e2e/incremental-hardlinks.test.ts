import { chmodSync, linkSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EntryCounts } from '../../src/report.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { resend } from '../helpers/cli/resend.ts';

describe('hardlinks', () => {
  const MTIME = 1_400_000_000;

  interface Linked {
    what: string;
    counts?: Partial<EntryCounts>;
    bytes?: number;
    /** Groups of names of one file, in OUT and in the context. All have the same content and time. */
    out: string[][];
    context: string[][];
  }

  test.each<Linked>([
    {
      what: 'made of files that are there: a new name travels not at all',
      out: [['a'], ['b']],
      context: [['a', 'b']],
      counts: { written: 1 },
      bytes: 0,
    },
    {
      what: 'broken: what is a file of its own now travels',
      out: [['a', 'b']],
      context: [['a'], ['b']],
      counts: { written: 1 },
      bytes: 4,
    },
    {
      what: 'extended by a later name',
      out: [['a', 'b']],
      context: [['a', 'b', 'c']],
      counts: { written: 1 },
      bytes: 0,
    },
    {
      what: 'extended by an earlier name: all of them travel, the content once',
      out: [['b', 'c']],
      context: [['a', 'b', 'c']],
      counts: { written: 3 },
      bytes: 4,
    },
    {
      what: 'less one name',
      out: [['a', 'b', 'c']],
      context: [['a', 'c']],
      counts: { written: 0 },
      bytes: 0,
    },
    {
      what: 'less their first name',
      out: [['a', 'b', 'c']],
      context: [['b', 'c']],
      counts: { written: 0 },
      bytes: 0,
    },
    {
      what: 'grouped anew',
      out: [
        ['a', 'b'],
        ['c', 'd'],
      ],
      context: [
        ['a', 'c'],
        ['b', 'd'],
      ],
    },
    {
      what: 'crossed over',
      out: [
        ['a', 'd'],
        ['b', 'c'],
      ],
      context: [
        ['a', 'b', 'd'],
        ['c', 'e'],
      ],
    },
    {
      what: 'one group made of two',
      out: [
        ['a', 'c'],
        ['b', 'd'],
      ],
      context: [['a', 'b', 'c', 'd']],
      bytes: 0,
    },
    {
      what: 'one name takes the place of a directory',
      out: [['a'], ['b/in/it']],
      context: [['a', 'b']],
      bytes: 0,
    },
    {
      what: 'in directories that are read-only',
      out: [['shut/a'], ['shut/b']],
      context: [['shut/a', 'shut/b', 'shut/c']],
      counts: { written: 2 },
      bytes: 0,
    },
  ])('become those of the context: $what', ({ out: names, context: wanted, counts = {}, bytes }) =>
    withDirectory(async (directory) => {
      const context = join(directory, 'context');
      const out = join(directory, 'out');
      makeGroups(out, names);
      makeGroups(context, wanted);
      const result = await resend({ directory, context, out }, 'a socket', {
        receive: ['--delete'],
      });
      expect(result.after).toEqual(result.context);
      expect(result.sent.counts).toMatchObject(counts);
      if (bytes !== undefined) expect(result.sent.bytes).toBe(bytes);
      const again = await resend({ directory, context, out }, 'a socket');
      expect(again.sent.counts).toMatchObject({ written: 0, removed: 0 });
      expect(again.after).toEqual(result.context);
    }),
  );

  function makeGroups(root: string, groups: readonly string[][]): void {
    mkdirSync(root);
    const directories = new Set<string>();
    for (const [first = '', ...others] of groups) {
      for (const name of [first, ...others]) {
        const directory = join(root, name, '..');
        mkdirSync(directory, { recursive: true });
        directories.add(directory);
      }
      writeFileSync(join(root, first), 'same');
      utimesSync(join(root, first), MTIME, MTIME);
      for (const name of others) linkSync(join(root, first), join(root, name));
    }
    for (const directory of directories) {
      utimesSync(directory, MTIME, MTIME);
      if (directory.endsWith('shut')) chmodSync(directory, 0o555);
    }
  }
});
