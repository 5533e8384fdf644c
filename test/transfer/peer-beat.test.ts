import { expect, test } from 'vitest';
import { PeerBeat } from '../../src/transfer/peer-beat.ts';
import type { Beat } from '../../src/wire/messages.ts';

const READING: Beat = {
  state: 'reading',
  stateAgeMs: 4_000,
  path: 'web/app.js',
  entries: 7,
  bytes: 1_000,
  waitedMs: 50,
};

function claimsOf(...changes: Partial<Beat>[]): number {
  const peer = new PeerBeat();
  for (const change of changes) peer.take({ ...READING, ...change });
  return peer.claims;
}

test('a peer that repeats a beat, only older, claims no progress', () => {
  expect(claimsOf({}, { stateAgeMs: 5_000 }, { stateAgeMs: 6_000, waitedMs: 60 })).toBe(0);
});

test('the first beat of a peer claims no progress either', () => {
  expect(claimsOf({})).toBe(0);
});

test.each<[what: string, change: Partial<Beat>]>([
  ['entries', { entries: 8 }],
  ['bytes', { bytes: 1_001 }],
  ['another path', { path: 'web/b.js' }],
  ['another call on the same path', { stateAgeMs: 3 }],
])('a change of %s is claimed progress', (_, change) => {
  expect(claimsOf({}, change)).toBe(1);
});

test('a wait that has just begun is not claimed progress', () => {
  const waiting = { state: 'waiting-for-data', path: '', stateAgeMs: 3 };
  expect(claimsOf(waiting, { ...waiting, stateAgeMs: 2 })).toBe(0);
});

test('an observation contains the newest beat and its age', () => {
  const peer = new PeerBeat();
  expect(peer.observation(0, false)).toBeUndefined();
  expect(peer.waitedMs).toBe(0);
  peer.take(READING);
  const seen = peer.observation(performance.now() + 1_000, false);
  expect(seen).toMatchObject({ state: 'reading', path: 'web/app.js', stateAgeMs: 4_000 });
  expect(seen?.ageMs).toBeGreaterThanOrEqual(1_000);
  expect(peer.waitedMs).toBe(50);
});

test('a beat proves for longer that its sender is alive when the link is slow', () => {
  const peer = new PeerBeat();
  peer.take(READING);
  expect(peer.observation(0, false)?.freshMs).toBe(3_000);
  expect(peer.observation(0, true)?.freshMs).toBe(15_000);
});

test('the bytes that a peer reports as received are never more than were sent, and never decrease', () => {
  const peer = new PeerBeat();
  expect(peer.receivedBytes(100)).toBe(0);
  const seen = [40, 1_000, 0, 70].map((received) => {
    peer.take({ ...READING, received });
    return peer.receivedBytes(100);
  });
  expect(seen).toEqual([40, 100, 100, 100]);
});
