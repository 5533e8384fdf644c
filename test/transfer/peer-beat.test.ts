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

test('a peer that says the same again, only older, claims nothing', () => {
  expect(claimsOf({}, { stateAgeMs: 5_000 }, { stateAgeMs: 6_000, waitedMs: 60 })).toBe(0);
});

test('its first beat is no claim either', () => {
  expect(claimsOf({})).toBe(0);
});

test.each<[what: string, change: Partial<Beat>]>([
  ['entries', { entries: 8 }],
  ['bytes', { bytes: 1_001 }],
  ['another path', { path: 'web/b.js' }],
  ['another call on the same path', { stateAgeMs: 3 }],
])('%s are claimed', (_, change) => {
  expect(claimsOf({}, change)).toBe(1);
});

test('a wait that has just begun is no claim', () => {
  const waiting = { state: 'waiting-for-data', path: '', stateAgeMs: 3 };
  expect(claimsOf(waiting, { ...waiting, stateAgeMs: 2 })).toBe(0);
});

test('tells what the newest beat says, and how old it is', () => {
  const peer = new PeerBeat();
  expect(peer.observation(0, false)).toBeUndefined();
  expect(peer.waitedMs).toBe(0);
  peer.take(READING);
  const seen = peer.observation(performance.now() + 1_000, false);
  expect(seen).toMatchObject({ state: 'reading', path: 'web/app.js', stateAgeMs: 4_000 });
  expect(seen?.ageMs).toBeGreaterThanOrEqual(1_000);
  expect(peer.waitedMs).toBe(50);
});

test('a beat proves for longer that its sender lives when the link is slow', () => {
  const peer = new PeerBeat();
  peer.take(READING);
  expect(peer.observation(0, false)?.freshMs).toBe(3_000);
  expect(peer.observation(0, true)?.freshMs).toBe(15_000);
});

test('what a peer says to have is no more than was sent, and never less than before', () => {
  const peer = new PeerBeat();
  expect(peer.receivedBytes(100)).toBe(0);
  const seen = [40, 1_000, 0, 70].map((received) => {
    peer.take({ ...READING, received });
    return peer.receivedBytes(100);
  });
  expect(seen).toEqual([40, 100, 100, 100]);
});
