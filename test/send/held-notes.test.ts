import { expect, test } from 'vitest';
import { HeldNotes } from '../../src/send/held-notes.ts';
import type { PathNote } from '../../src/worker/jobs.ts';

function word(path: string): PathNote {
  return { about: 'skipped', path, reason: 'a FIFO' };
}

test('held notes wait for the release, and later ones are passed on at once', () => {
  const said: unknown[] = [];
  const words = new HeldNotes((each) => said.push(each));
  words.add(word('a'));
  expect(said).toEqual([]);
  words.release();
  words.add(word('b'));
  expect(said).toEqual([word('a'), word('b')]);
});

test('dropped notes are never passed on', () => {
  const said: unknown[] = [];
  const words = new HeldNotes((each) => said.push(each));
  words.add(word('a'));
  words.drop();
  words.add(word('b'));
  expect(said).toEqual([]);
});
