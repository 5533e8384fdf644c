import { expect, test } from 'vitest';
import { BandwidthLimit } from '../../src/wire/bandwidth-limit.ts';

test('each frame is followed by the pause that it costs', () => {
  const limit = new BandwidthLimit(1_000);
  expect(limit.waitMs(0)).toBeLessThanOrEqual(0);
  limit.wrote(500, 0);
  expect(limit.waitMs(0)).toBe(500);
  expect(limit.waitMs(499)).toBe(1);
  expect(limit.waitMs(500)).toBe(0);
});

test('frames that do not wait, as control frames do not, add up', () => {
  const limit = new BandwidthLimit(1_000);
  limit.wrote(100, 0);
  limit.wrote(100, 10);
  expect(limit.waitMs(10)).toBe(190);
});

test('time in which nothing was sent is not saved up', () => {
  const limit = new BandwidthLimit(1_000);
  limit.wrote(100, 0);
  limit.wrote(100, 60_000);
  expect(limit.waitMs(60_000)).toBe(100);
});

test('a frame has the payload of a tenth of a second, and at least one byte', () => {
  expect(new BandwidthLimit(1_000_000).frameBytes).toBe(100_000);
  expect(new BandwidthLimit(1).frameBytes).toBe(1);
});
