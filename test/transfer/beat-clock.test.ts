import { expect, test } from 'vitest';
import { BeatClock } from '../../src/transfer/beat-clock.ts';

const TICK_MS = 100;

/**
 * Sends beats for `seconds` over a link with a round trip of `delayMs`.
 * @returns the seconds at which it sent them
 */
function beatsOver(
  delayMs: number,
  seconds: number,
  { known = true, unheardBytes = 0 } = {},
): number[] {
  const clock = new BeatClock();
  // The time of HELLO.
  const sentAt = [0];
  const beats: number[] = [];
  for (let now = 0; now < seconds * 1_000; now += TICK_MS) {
    const heard = sentAt.filter((at) => now - at >= delayMs).length;
    clock.tick(now, sentAt.length, known ? heard : undefined);
    if (!clock.due(now, unheardBytes)) continue;
    sentAt.push(now);
    beats.push(Math.round(now / 1_000));
  }
  return beats;
}

const everySecond = (seconds: number) => Array.from({ length: seconds }, (_, i) => i);

test('the clock beats every second on a fast link', () => {
  expect(beatsOver(0, 30)).toEqual(everySecond(30));
  expect(beatsOver(1_500, 30)).toEqual(everySecond(30));
});

test('the clock beats every second if it does not know what the peer receives', () => {
  expect(beatsOver(Infinity, 30, { known: false })).toEqual(everySecond(30));
});

test('the clock beats less often while nothing is received, and on a link on which beats queue up', () => {
  expect(beatsOver(Infinity, 30)).toEqual([0, 1, 6, 11, 16, 21, 26]);
  expect(beatsOver(12_000, 60).length).toBeLessThan(20);
});

test('the clock beats seldom while payload is on its way, which proves the same', () => {
  expect(beatsOver(Infinity, 60, { unheardBytes: 1 })).toEqual([0, 1, 21, 41]);
});

test('the clock knows a fast link by its quickest round trip, whatever waits behind payload later', () => {
  const clock = new BeatClock();
  clock.tick(0, 1, undefined);
  clock.tick(1_000, 2, 1);
  expect(clock.linkIsSlow).toBe(false);
  for (let words = 3; words < 60; words++) clock.tick(words * 1_000, words, 2);
  expect(clock.linkIsSlow).toBe(false);
  expect(clock.due(60_000, 9) && clock.due(61_000, 9)).toBe(true);
});
