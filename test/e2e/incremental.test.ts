import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { expectedBytes, WAYS } from '../helpers/wire/both-ways.ts';
import {
  CHANGES,
  expectExact,
  expectOnlyTheDifference,
  FILES,
  makeIn,
  manyFile,
  resend,
  withPair,
} from '../helpers/cli/resend.ts';

// Over a bidirectional transport only what differs from OUT is sent, and OUT becomes exact.

describe.each(WAYS)('over %s', (way) => {
  test('an unchanged context sends nothing', () =>
    withPair(async (pair) => {
      const result = await resend(pair, way);
      expectExact(result, { written: 0, removed: 0 });
      expect(result.sent).toMatchObject({ entries: 0, bytes: 0 });
      expectOnlyTheDifference(result);
    }));

  test('a second transfer after a first one sends nothing', () =>
    withPair(async (pair) => {
      const fresh = { ...pair, out: join(pair.directory, 'fresh') };
      const first = await resend(fresh, way, { receive: ['--delete'] });
      expect(first.after).toEqual(first.context);
      const entries = Object.keys(first.context).length - 1;
      expect(first.sent.counts).toMatchObject({ written: entries, unchanged: 0, removed: 0 });
      const second = await resend(fresh, way, { receive: ['--delete'] });
      expect(second.after).toEqual(first.after);
      expect(second.sent.counts).toMatchObject({ written: 0, unchanged: entries, removed: 0 });
      expect(second.sent.bytes).toBe(0);
    }));

  test('all changes at once are sent, and nothing else', () =>
    withPair(async (pair) => {
      for (const { make } of CHANGES) makeIn(pair, make);
      const result = await resend(pair, way);
      expectExact(result);
      expectOnlyTheDifference(result);
    }));

  test('all changes at once are mirrored with --delete', () =>
    withPair(async (pair) => {
      for (const { make } of CHANGES) makeIn(pair, make);
      for (let i = 1; i < FILES; i += 2) rmSync(manyFile(pair.context, i), { recursive: true });
      const result = await resend(pair, way, { receive: ['--delete'] });
      expect(result.after).toEqual(result.context);
      expectOnlyTheDifference(result);
    }));
});

test.each(WAYS)('--full sends everything over %s, whatever OUT has', (way) =>
  withPair(async (pair) => {
    const result = await resend(pair, way, { send: ['--full'] });
    expect(result.after).toEqual(result.context);
    expect(result.sent.entries).toBe(Object.keys(result.context).length - 1);
    expect(result.sent.bytes).toBe(expectedBytes({}, result.context));
    expect(result.sent.counts).toMatchObject({ unchanged: 0, removed: 0 });
  }),
);
