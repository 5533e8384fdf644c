import { lstatSync, lutimesSync, type PathLike } from 'node:fs';

/** A file's time in whole microseconds, rounded towards the past, from its nanoseconds. */
export function toMicroseconds(ns: bigint): number {
  return Number((ns < 0n ? ns - 999n : ns) / 1000n);
}

/**
 * The seconds to hand to utimes(2) for a time in microseconds. Half a microsecond more, because
 * Node turns the seconds (a double, which has about a quarter of a microsecond) into whole micro-
 * or nanoseconds by cutting off: without it every second time would come out one too low.
 * Exact up to the year 2242; from 2112 on a double has no half microseconds, but seconds and their
 * fraction have, until they are added.
 */
export function toUtimesSeconds(mtimeUs: number): number {
  const seconds = Math.floor(mtimeUs / 1e6);
  return seconds + (mtimeUs - seconds * 1e6 + 0.5) / 1e6;
}

/**
 * Sets a time before 1970. Node replaces a negative number by the present time, but takes it as a
 * string; and libuv before 1.49 cuts off towards 1970, later towards the past: so look what came.
 */
export function setNegativeMtime(path: PathLike, mtimeUs: number): void {
  for (const half of [0.5, -0.5]) {
    const seconds = ((mtimeUs + half) / 1e6).toFixed(9);
    lutimesSync(path, seconds, seconds);
    if (toMicroseconds(lstatSync(path, { bigint: true }).mtimeNs) === mtimeUs) return;
  }
}
