import { closeSync, futimesSync, lstatSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  isBeyondMicroseconds,
  setNegativeMtime,
  toMicroseconds,
  toUtimesSeconds,
} from '../../src/disk/mtime.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';

const YEARS = [1970, 2001, 2039, 2100, 2111, 2113, 2200, 2241];
/** Fractions of a second, in microseconds, that rounding could spoil. */
const FRACTIONS = [0, 1, 2, 3, 123_456, 333_333, 499_999, 500_000, 500_001, 999_998, 999_999];

describe('a time in microseconds', () => {
  it.each<[ns: bigint, us: number]>([
    [0n, 0],
    [999n, 0],
    [1_999n, 1],
    [-1n, -1],
    [-1_000n, -1],
    [-1_001n, -2],
    [-1_500_000_000n, -1_500_000],
  ])('of %s nanoseconds is %s, rounded towards the past', (ns, us) => {
    expect(toMicroseconds(ns)).toBe(us);
  });

  it.each<[what: string, ns: bigint, us: number]>([
    ['after 2255', 10_413_792_000_123_456_789n, Number.MAX_SAFE_INTEGER],
    ['before 1684', -10_413_792_000_123_456_789n, -Number.MAX_SAFE_INTEGER],
  ])('%s is clamped to the last one that a number holds exactly', (_, ns, us) => {
    expect(toMicroseconds(ns)).toBe(us);
    expect(isBeyondMicroseconds(ns)).toBe(true);
  });

  it.each([1n, -1n])(
    'is out of range from the microsecond after the last one, with the sign %s',
    (sign) => {
      const last = sign * BigInt(Number.MAX_SAFE_INTEGER) * 1_000n;
      expect(isBeyondMicroseconds(last)).toBe(false);
      expect(isBeyondMicroseconds(last + sign * 1_000n)).toBe(true);
    },
  );

  it('is stored on disk exactly, up to the last one', async () => {
    await withDirectory((directory) => {
      const file = join(directory, 'file');
      writeFileSync(file, '');
      setTime(file, Number.MAX_SAFE_INTEGER);
      expect(mtimeUs(file)).toBe(Number.MAX_SAFE_INTEGER);
    });
  });

  it.each(YEARS)('is stored on disk exactly, in %s', async (year) => {
    await withDirectory((directory) => {
      const file = join(directory, 'file');
      writeFileSync(file, '');
      for (const fraction of FRACTIONS) {
        const us = Date.UTC(year, 5, 17, 3, 4, 5) * 1_000 + fraction;
        setTime(file, us);
        expect(mtimeUs(file), `${us}`).toBe(us);
      }
    });
  });

  it.each([
    -1,
    -2,
    -499_999,
    -500_000,
    -999_999,
    -1_000_000,
    -1_000_001,
    -1_500_000,
    -(2 ** 31) * 1e6,
  ])('is stored on disk exactly, %s microseconds from 1970', async (us) => {
    await withDirectory((directory) => {
      const file = join(directory, 'file');
      writeFileSync(file, '');
      setNegativeMtime(file, us);
      expect(mtimeUs(file)).toBe(us);
    });
  });

  it('before 1970 is set on a symlink itself, even if its target is missing', async () => {
    await withDirectory((directory) => {
      const link = join(directory, 'link');
      symlinkSync('nowhere', link);
      setNegativeMtime(link, -1_500_000);
      expect(mtimeUs(link)).toBe(-1_500_000);
    });
  });
});

/** Sets the time as the stage writer does. */
function setTime(file: string, us: number): void {
  const fd = openSync(file, 'r+');
  futimesSync(fd, toUtimesSeconds(us), toUtimesSeconds(us));
  closeSync(fd);
}

function mtimeUs(path: string): number {
  return toMicroseconds(lstatSync(path, { bigint: true }).mtimeNs);
}
