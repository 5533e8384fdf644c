import {
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  rmdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyTree, expectedCounts, WAYS } from '../helpers/wire/both-ways.ts';
import {
  CHANGES,
  FILES,
  expectExact,
  expectOnlyTheDifference,
  makeIn,
  manyFile,
  resend,
  withPair,
  type Pair,
} from '../helpers/cli/resend.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

const REMOVED = 500;

describe('only the difference is sent for', () => {
  test.each(CHANGES)('$what', ({ make }) =>
    withPair(async (pair) => {
      makeIn(pair, make);
      const result = await resend(pair, 'a socket');
      expectExact(result);
      expectOnlyTheDifference(result);
    }),
  );
});

describe('an entry that the context no longer has', () => {
  const withMany = (use: (pair: Pair) => Promise<void>): Promise<void> =>
    withPair(use, REMOVED + FILES);
  const removeMany = ({ context }: Pair): void => {
    for (let i = 0; i < REMOVED; i++) rmSync(manyFile(context, i));
  };

  test('is deleted with --delete', () =>
    withMany(async (pair) => {
      removeMany(pair);
      rmSync(join(pair.context, 'names'), { recursive: true });
      rmdirSync(join(pair.context, 'hollow/5'));
      const result = await resend(pair, 'a socket', { receive: ['--delete'] });
      expect(result.after).toEqual(result.context);
      const counts = expectedCounts(result.before, result.context);
      const gone = Object.keys(result.before).filter((path) => !(path in result.context));
      expect(gone.length).toBeGreaterThan(REMOVED + 2);
      expect(result.sent.counts).toEqual({ ...counts, removed: gone.length });
      expect(result.sent.bytes).toBe(0);
    }));

  test('stays without --delete', () =>
    withMany(async (pair) => {
      removeMany(pair);
      const result = await resend(pair, 'a socket');
      expectExact(result, { removed: 0 });
      expect(Object.keys(result.after)).toEqual(Object.keys(result.before));
    }));

  test('is deleted when it is an empty directory, and nothing else is new', () =>
    withMany(async (pair) => {
      rmdirSync(join(pair.context, 'empty/in/empty'));
      const result = await resend(pair, 'a socket', { receive: ['--delete'] });
      expect(result.after).toEqual(result.context);
      expect(result.sent.counts).toMatchObject({ written: 0, metadataOnly: 1, removed: 1 });
    }));

  test('is deleted with --allow-empty when the context is empty', () =>
    withPair(async ({ directory, out }) => {
      const context = join(directory, 'nothing');
      mkdirSync(context);
      const result = await resend({ directory, context, out }, 'a socket', {
        receive: ['--delete', '--allow-empty'],
      });
      expect(result.after).toEqual(result.context);
      expect(result.sent.counts).toMatchObject({ written: 0, unchanged: 0 });
    }));
});

describe('a symlink in OUT', () => {
  test('is replaced and not followed where the context has a directory', () =>
    withPair(async (pair) => {
      const { directory, context, out } = pair;
      const outside = join(directory, 'outside');
      // Its target has exactly what would count as unchanged, and more.
      copyTree(join(context, 'links'), outside);
      writeFileSync(join(outside, 'precious'), 'precious');
      const before = treeState(outside);
      rmSync(join(out, 'links'), { recursive: true });
      symlinkSync(outside, join(out, 'links'));
      const result = await resend(pair, 'a socket', { receive: ['--delete'] });
      expect(result.after).toEqual(result.context);
      expect(treeState(outside)).toEqual(before);
    }));

  test('is replaced and not followed where the context has a file', () =>
    withPair(async (pair) => {
      const precious = join(pair.directory, 'precious');
      copyTree(manyFile(pair.context, 1), precious);
      const before = treeState(precious);
      rmSync(manyFile(pair.out, 1));
      symlinkSync(precious, manyFile(pair.out, 1));
      const result = await resend(pair, 'a socket');
      expectExact(result);
      expect(treeState(precious)).toEqual(before);
    }));

  test('is not followed in a directory that is deleted', () =>
    withPair(async (pair) => {
      const outside = join(pair.directory, 'outside');
      mkdirSync(outside);
      writeFileSync(join(outside, 'precious'), 'precious');
      const before = treeState(outside);
      mkdirSync(join(pair.out, 'extra'));
      symlinkSync(outside, join(pair.out, 'extra/link'));
      symlinkSync(outside, join(pair.out, 'many/link'));
      const result = await resend(pair, 'a socket', { receive: ['--delete'] });
      expect(result.after).toEqual(result.context);
      expect(result.sent.counts?.removed).toBe(3);
      expect(treeState(outside)).toEqual(before);
    }));
});

describe('different content with the same size and time', () => {
  const change = ({ context }: Pair): void => {
    const path = manyFile(context, 1);
    const { mtimeNs } = statSync(path, { bigint: true });
    writeFileSync(path, readFileSync(path, 'utf8').toUpperCase());
    const us = mtimeNs / 1_000n;
    const seconds = `${us / 1_000_000n}.${String(us % 1_000_000n).padStart(6, '0')}5`;
    utimesSync(path, seconds, seconds);
  };

  test('is not detected without --checksum', () =>
    withPair(async (pair) => {
      change(pair);
      const result = await resend(pair, 'a socket');
      expect(result.sent.counts).toMatchObject({ written: 0 });
      expect(result.after).toEqual(result.before);
      expect(result.context).not.toEqual(result.before);
    }));

  test.each(WAYS)('is detected with --checksum over %s', (way) =>
    withPair(async (pair) => {
      change(pair);
      const result = await resend(pair, way, { send: ['--checksum'] });
      expectExact(result, { written: 1 });
      expectOnlyTheDifference({ ...result, sent: { ...result.sent, wireBytes: 0 } });
    }),
  );
});

test('setuid in the context is dropped and reported each time, and does not count as a change', () =>
  withPair(async (pair) => {
    chmodSync(manyFile(pair.context, 1), 0o4755);
    chmodSync(manyFile(pair.out, 1), 0o755);
    const { sent } = await resend(pair, 'a socket');
    expect(sent.counts).toMatchObject({ written: 0 });
    expect(sent.changed.paths).toEqual([
      { path: 'many/file-1', reason: expect.stringContaining('setuid') },
    ]);
  }));
