import { describe, expect, test } from 'vitest';
import {
  formatBytes,
  formatBytesOf,
  formatCount,
  formatDuration,
  formatLimit,
  formatRate,
  printable,
  shares,
} from '../../../src/cli/view/format.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.00 kB'],
  [9_996, '10.0 kB'],
  [12_345, '12.3 kB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [612_000_000, '612 MB'],
  [1_234_000_000, '1.23 GB'],
  [8.5e18, '8500 PB'],
])('%d bytes are shown with three digits and a decimal unit: %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('bytes of a total show the unit once when it is the same', () => {
  expect(formatBytesOf(374_000_000, 612_000_000)).toBe('374/612 MB');
  expect(formatBytesOf(37_400, 612_000_000)).toBe('37.4 kB/612 MB');
  expect(formatBytesOf(0, 5)).toBe('0/5 B');
});

test('a rate is shown in bytes per second', () => {
  expect(formatRate(197_000_000)).toBe('197 MB/s');
});

test.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1,000'],
  [86_955, '86,955'],
  [1_234_567, '1,234,567'],
])('%d is counted as %s', (count, text) => {
  expect(formatCount(count)).toBe(text);
});

test.each([
  [41.4, '41ms'],
  [612.4, '0.6s'],
  [999.6, '1.0s'],
  [3_120, '3.1s'],
  [59_949, '59.9s'],
  [59_950, '1m 0s'],
  [72_000, '1m 12s'],
  [3_599_600, '1h 0m'],
  [7_500_000, '2h 5m'],
])('%d ms are shown as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [1_500, '1.5s'],
  [60_000, '60s'],
  [120_000, '2m'],
  [150_000, '2m 30s'],
  [3_600_000, '1h'],
])('a limit of %d ms is shown as %s', (ms, text) => {
  expect(formatLimit(ms)).toBe(text);
});

test('shares are whole percentages that add up to 100', () => {
  expect(shares([1, 1, 1])).toEqual([34, 33, 33]);
  expect(shares([2, 2, 0])).toEqual([50, 50, 0]);
  expect(shares([0, 0])).toEqual([0, 0]);
});

describe('printable', () => {
  test.each([
    ['a\x1b[31mb', 'a\\x1b[31mb'],
    ['two\nlines', 'two\\nlines'],
    ['\r\x9b2K', '\\x0d\\x9b2K'],
    ['gpj\u202eexe', 'gpj\\u202eexe'],
    ['\u2028\u2066', '\\u2028\\u2066'],
  ])('makes %j harmless', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('escapes what CI runners take for commands, anywhere in a line', () => {
    expect(printable('a ##[add-mask]x')).toBe('a \\x23#[add-mask]x');
    expect(printable('###vso[task.x]##')).toBe('#\\x23#vso[task.x]##');
    expect(printable('## heading [1]')).toBe('## heading [1]');
  });

  test('keeps non-ASCII letters', () => {
    expect(printable('Käse – 資料 🧀')).toBe('Käse – 資料 🧀');
  });
});
