import { expect, test } from 'vitest';
import { formatAge } from '../../src/observe/format-age.ts';

test.each([
  [900, '0s'],
  [12_999, '12s'],
  [72_000, '1m 12s'],
  [3_599_999, '59m 59s'],
  [5_400_000, '1h 30m'],
])('an age of %d ms is shown as %s', (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});
