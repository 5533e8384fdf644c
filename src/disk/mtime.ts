import { lstatSync, lutimesSync, type PathLike } from 'node:fs';

const MAX_US = Number.MAX_SAFE_INTEGER;
const MAX_NS = BigInt(MAX_US) * 1000n + 999n;

/**
 * Converts a file's time from nanoseconds to whole microseconds, rounded towards the past. One that
 * `isBeyondMicroseconds` becomes the nearest possible time, since no peer accepts others.
 */
export function toMicroseconds(ns: bigint): number {
  const us = Number((ns < 0n ? ns - 999n : ns) / 1000n);
  return Math.max(-MAX_US, Math.min(us, MAX_US));
}

/** Whether it is after 2255 or before 1684: file systems can store that, a number of microseconds cannot. */
export function isBeyondMicroseconds(ns: bigint): boolean {
  return ns > MAX_NS || ns < -MAX_NS + 999n;
}

/**
 * The seconds to pass to utimes(2) for a time in microseconds. Half a microsecond is added, because Node
 * truncates the seconds (a double, with a resolution of about a quarter of a microsecond) to whole micro-
 * or nanoseconds: otherwise every other time would be one too low. Exact up to the year 2242; from 2112
 * on a double has no half microseconds, but seconds and their fraction do, until they are added.
 */
export function toUtimesSeconds(mtimeUs: number): number {
  const seconds = Math.floor(mtimeUs / 1e6);
  return seconds + (mtimeUs - seconds * 1e6 + 0.5) / 1e6;
}

/**
 * Sets a time before 1970. Node replaces a negative number with the current time, but accepts it as a
 * string; libuv before 1.49 truncates towards 1970, later towards the past: so the result is checked.
 */
export function setNegativeMtime(path: PathLike, mtimeUs: number): void {
  for (const half of [0.5, -0.5]) {
    const seconds = ((mtimeUs + half) / 1e6).toFixed(9);
    lutimesSync(path, seconds, seconds);
    if (toMicroseconds(lstatSync(path, { bigint: true }).mtimeNs) === mtimeUs) return;
  }
}
