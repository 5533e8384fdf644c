import { expect, test } from 'vitest';
import { MAX_PATH_BYTES, MAX_REPORTED_PATHS } from '../../src/limits.ts';
import { PathNoteCollector } from '../../src/transfer/path-notes.ts';
import type { PathNote, UnnamedPaths } from '../../src/worker/jobs.ts';
import { PathNoteLimiter } from '../../src/worker/path-note-limiter.ts';

test('of a million skipped paths the first are named, and the others are only counted', () => {
  const told: (PathNote | UnnamedPaths)[] = [];
  const words = new PathNoteLimiter((word) => told.push(word));
  for (let i = 0; i < 1_000_000; i++) {
    words.add({ about: 'skipped', path: `fifo${i}`, reason: 'a FIFO' });
  }
  words.add({ about: 'changed', path: 'tool', reason: 'setuid' });
  words.flush();
  words.flush();

  expect(told).toHaveLength(MAX_REPORTED_PATHS + 2);
  const notes = new PathNoteCollector();
  for (const word of told) notes.add(word);
  expect(notes.skipped.count).toBe(1_000_000);
  expect(notes.skipped.paths).toHaveLength(MAX_REPORTED_PATHS);
  expect(notes.changed).toEqual({ count: 1, paths: [{ path: 'tool', reason: 'setuid' }] });
});

test('a path that is longer than any entry may have is truncated to the limit', () => {
  const told: (PathNote | UnnamedPaths)[] = [];
  const words = new PathNoteLimiter((word) => told.push(word));
  words.add({ about: 'skipped', path: 'x'.repeat(1_000_000), reason: 'a device' });
  expect(told).toEqual([
    { about: 'skipped', path: 'x'.repeat(MAX_PATH_BYTES), reason: 'a device' },
  ]);
});
