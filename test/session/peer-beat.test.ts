import { expect, test } from 'vitest';
import { PeerBeat } from '../../src/session/peer-beat.ts';
import type { Beat } from '../../src/wire/messages.ts';

const READING: Beat = {
  state: 'reading',
  stateAgeMs: 4_000,
  path: 'web/app.js',
  entries: 7,
  bytes: 1_000,
  waitedMs: 50,
};

function progressOf(...changes: Partial<Beat>[]): number {
  const peer = new PeerBeat();
  for (const change of changes) peer.take({ ...READING, ...change });
  return peer.progress;
}

test('a peer that says the same again, only older, makes no progress', () => {
  expect(progressOf({}, { stateAgeMs: 5_000 }, { stateAgeMs: 6_000, waitedMs: 60 })).toBe(0);
});

test('its first beat is none either', () => {
  expect(progressOf({})).toBe(0);
});

test.each<[what: string, change: Partial<Beat>]>([
  ['entries', { entries: 8 }],
  ['bytes', { bytes: 1_001 }],
  ['another path', { path: 'web/b.js' }],
  ['another call on the same path', { stateAgeMs: 3 }],
])('%s are progress', (_, change) => {
  expect(progressOf({}, change)).toBe(1);
});

test('a wait that has just begun is no progress', () => {
  const waiting = { state: 'waiting-for-data', path: '', stateAgeMs: 3 };
  expect(progressOf(waiting, { ...waiting, stateAgeMs: 2 })).toBe(0);
});

test('tells what the newest beat says, and how old it is', () => {
  const peer = new PeerBeat();
  expect(peer.observation(0)).toBeUndefined();
  expect(peer.waitedMs).toBe(0);
  peer.take(READING);
  const seen = peer.observation(performance.now() + 1_000);
  expect(seen).toMatchObject({ state: 'reading', path: 'web/app.js', stateAgeMs: 4_000 });
  expect(seen?.ageMs).toBeGreaterThanOrEqual(1_000);
  expect(peer.waitedMs).toBe(50);
});
