import { expect, test } from 'vitest';
import {
  FAST_WRITE_MS,
  FIRST_FRAME_BYTES,
  MAX_PAYLOAD_BYTES,
  MIN_FRAME_BYTES,
  SLOW_WRITE_MS,
} from '../../src/limits.ts';
import { FrameSize } from '../../src/wire/frame-size.ts';

function sizeAfter(...writesMs: number[]): number {
  const size = new FrameSize();
  for (const ms of writesMs) size.wrote(ms);
  return size.bytes;
}

test('frames grow up to the maximum as long as their writes are fast', () => {
  expect(sizeAfter()).toBe(FIRST_FRAME_BYTES);
  expect(sizeAfter(0)).toBe(2 * FIRST_FRAME_BYTES);
  expect(sizeAfter(...Array<number>(10).fill(FAST_WRITE_MS - 1))).toBe(MAX_PAYLOAD_BYTES);
});

test('frames shrink down to the minimum as long as their writes are slow', () => {
  expect(sizeAfter(SLOW_WRITE_MS + 1)).toBe(FIRST_FRAME_BYTES / 2);
  expect(sizeAfter(...Array<number>(20).fill(SLOW_WRITE_MS + 1))).toBe(MIN_FRAME_BYTES);
});

test('frames keep their size when writes are neither fast nor slow', () => {
  expect(sizeAfter(FAST_WRITE_MS, SLOW_WRITE_MS)).toBe(FIRST_FRAME_BYTES);
});
