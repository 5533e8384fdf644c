import { expect, test } from 'vitest';
import { BeatClock } from '../../src/transfer/beat-clock.ts';

const TICK_MS = 100;

/**
 * Beats for `seconds` over a link that takes `delayMs` there and back.
 * @returns at which seconds
 */
function beatsOver(
  delayMs: number,
  seconds: number,
  { known = true, unheardBytes = 0 } = {},
): number[] {
  const clock = new BeatClock();
  // HELLO.
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

test('beats each second on a fast link', () => {
  expect(beatsOver(0, 30)).toEqual(everySecond(30));
  expect(beatsOver(1_500, 30)).toEqual(everySecond(30));
});

test('beats each second where it is not known what is heard', () => {
  expect(beatsOver(Infinity, 30, { known: false })).toEqual(everySecond(30));
});

test('beats less often while nothing is heard, and on a link on which beats queue up', () => {
  expect(beatsOver(Infinity, 30)).toEqual([0, 1, 6, 11, 16, 21, 26]);
  expect(beatsOver(12_000, 60).length).toBeLessThan(20);
});

test('beats seldom while payload is on its way, which proves the same', () => {
  expect(beatsOver(Infinity, 60, { unheardBytes: 1 })).toEqual([0, 1, 21, 41]);
});

test('knows a fast link by its quickest round trip, whatever waits behind payload later', () => {
  const clock = new BeatClock();
  clock.tick(0, 1, undefined);
  clock.tick(1_000, 2, 1);
  expect(clock.linkIsSlow).toBe(false);
  for (let words = 3; words < 60; words++) clock.tick(words * 1_000, words, 2);
  expect(clock.linkIsSlow).toBe(false);
  expect(clock.due(60_000, 9) && clock.due(61_000, 9)).toBe(true);
});
