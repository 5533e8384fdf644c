import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PARTIAL_STAGE_MS } from '../../src/limits.ts';
import {
  ALL_BYTES,
  breakOff,
  contentOf,
  expectFinished,
  file,
  FILE_BYTES,
  finish,
  ownOf,
  SEEN_IN_MIDDLE,
  stagesOf,
  takeTime,
  wholeFiles,
  withSite,
  withStage,
} from '../helpers/cli/interrupted-transfer.ts';
import { transfer } from '../helpers/wire/both-ways.ts';
import { pipeline } from '../helpers/cli/cli.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { workNames, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

describe('when a transfer resumes from a stage', () => {
  test('a file with different content is sent again', () =>
    withStage(async (site, tree, whole) => {
      const path = join(tree, file(3));
      const { atime, mtime } = statSync(path);
      const bytes = readFileSync(path);
      bytes[1000]! ^= 1;
      writeFileSync(path, bytes);
      utimesSync(path, atime, mtime);
      takeTime(join(site.context, file(3)), path);
      expect(wholeFiles(site)).toHaveLength(whole);
      expect(await finish(site)).toBe(ALL_BYTES - (whole - 1) * FILE_BYTES);
    }));

  test('a truncated file is sent again', () =>
    withStage(async (site, tree, whole) => {
      writeFileSync(join(tree, file(3)), contentOf(3).subarray(0, 1000));
      takeTime(join(site.context, file(3)), join(tree, file(3)));
      expect(await finish(site)).toBe(ALL_BYTES - (whole - 1) * FILE_BYTES);
    }));

  test('a symlink in place of a file is not followed', () =>
    withStage(async (site, tree, whole) => {
      const outside = join(site.directory, 'outside');
      renameSync(join(tree, file(3)), outside);
      symlinkSync(outside, join(tree, file(3)));
      const before = treeState(outside);
      expect(await finish(site)).toBe(ALL_BYTES - (whole - 1) * FILE_BYTES);
      expect(treeState(outside)).toEqual(before);
    }));

  test.each<[what: string, directory: (tree: string) => string]>([
    ['a directory', (tree) => join(tree, 'data')],
    ['its tree', (tree) => tree],
    ['the stage', (tree) => join(tree, '..')],
  ])('a symlink in place of %s is not followed', (_, directoryOf) =>
    withStage(async (site, tree) => {
      const outside = join(site.directory, 'outside');
      renameSync(directoryOf(tree), outside);
      symlinkSync(outside, directoryOf(tree));
      const before = treeState(outside);
      expect(await finish(site)).toBe(ALL_BYTES);
      expect(treeState(outside)).toEqual(before);
    }),
  );

  test('a file that has another hardlink elsewhere is not used', () =>
    withStage(async (site, tree, whole) => {
      const outside = join(site.directory, 'outside');
      linkSync(join(tree, file(3)), outside);
      const before = treeState(site.directory)['outside'];
      expect(await finish(site)).toBe(ALL_BYTES - (whole - 1) * FILE_BYTES);
      expect(statSync(outside).nlink).toBe(1);
      expect(before).toBeDefined();
    }));

  test('a stage older than a day is removed and not used', () =>
    withStage(async (site, tree) => {
      const old = (Date.now() - PARTIAL_STAGE_MS) / 1000 - 60;
      utimesSync(join(tree, '..'), old, old);
      expect(await finish(site)).toBe(ALL_BYTES);
    }));

  test('a stage almost a day old is used', () =>
    withStage(async (site, tree, whole) => {
      const old = (Date.now() - PARTIAL_STAGE_MS) / 1000 + 3_600;
      utimesSync(join(tree, '..'), old, old);
      expect(await finish(site)).toBe(ALL_BYTES - whole * FILE_BYTES);
    }));

  test('another context arrives as an exact copy and uses what is the same', () =>
    withStage(async (site) => {
      const other = join(site.directory, 'other');
      writeTree(other, { [file(0)]: contentOf(0, 2), [file(1)]: 'short', 'new/file': 'new' });
      mkdirSync(join(other, file(2)));
      symlinkSync('f00', join(other, file(3)));
      // The same name, size, time and content.
      writeFileSync(join(other, file(4)), contentOf(4));
      for (const i of [0, 4]) takeTime(join(site.context, file(i)), join(other, file(i)));
      expect(await finish(site, other)).toBe(FILE_BYTES + 'short'.length + 'new'.length);
    }));

  test('a mirror is an exact copy', () =>
    withStage(async ({ directory, context, out }, _tree, whole) => {
      const { sent } = await transfer({ directory, send: [context], receive: [out, '--delete'] });
      expect(treeState(out)).toEqual(treeState(context));
      expect(sent.bytes).toBe(ALL_BYTES - whole * FILE_BYTES);
    }));

  test('--full does not use the stage, and leaves nothing of it', () =>
    withStage(async (site) => {
      const { directory, context, out } = site;
      const { sent } = await transfer({ directory, send: [context, '--full'], receive: [out] });
      expectFinished(site, context);
      expect(sent.bytes).toBe(ALL_BYTES);
    }));

  test('a pipe does not use the stage, and leaves nothing of it', () =>
    withStage(async (site) => {
      expectDone(await pipeline([site.context], [site.out]));
      expectFinished(site, site.context);
    }));

  test('a named context uses what the stage has of it', () =>
    withSite(async (site) => {
      const { directory, context, out, own } = site;
      await breakOff(site, {
        context: `app=${context}`,
        ready: () =>
          until('the middle has arrived', () => {
            const [stage] = stagesOf(out);
            return existsSync(join(out, stage ?? 'no', 'tree/app', file(SEEN_IN_MIDDLE)));
          }),
      });
      expect(ownOf(out)).toEqual(own);
      const send = [`app=${context}`];
      const { sent } = await transfer({ directory, send, receive: [out] });
      expect(treeState(join(out, 'app'))).toEqual(treeState(context));
      expect(sent.bytes).toBeLessThanOrEqual(ALL_BYTES - SEEN_IN_MIDDLE * FILE_BYTES);
      expect(workNames(out)).toEqual([]);
    }));
});
