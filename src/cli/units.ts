import { InvalidArgumentError } from 'commander';
import { MAX_TIMER_MS } from '../limits.ts';

const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Record<string, number> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** "500ms", "10s", "5m", "1.5h" in milliseconds; a bare 0 is 0. */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  const ms = parse(text, DURATION_UNITS);
  if (ms === undefined || ms > MAX_TIMER_MS) {
    throw new InvalidArgumentError('Write a duration like 500ms, 10s or 5m.');
  }
  return Math.round(ms);
}

/** Whether a text is written like a duration. */
export function isDuration(text: string): boolean {
  return text === '0' || parse(text, DURATION_UNITS) !== undefined;
}

/** "10MB", "2GiB", "4096" in bytes. */
export function parseSize(text: string): number {
  const bytes = parse(text, SIZE_UNITS);
  if (bytes === undefined || bytes > Number.MAX_SAFE_INTEGER) {
    throw new InvalidArgumentError('Write a size like 4096, 10MB or 2GiB.');
  }
  return Math.floor(bytes);
}

/** "500kB", "2MB", "2MB/s" in bytes per second: at least 1 kB, so that beats still pass. */
export function parseRate(text: string): number {
  const rate = parse(text.replace(/\/s$/, ''), SIZE_UNITS);
  if (rate === undefined || rate < 1_000 || rate > Number.MAX_SAFE_INTEGER) {
    throw new InvalidArgumentError('Write a rate like 500kB or 2MB per second, at least 1kB.');
  }
  return Math.floor(rate);
}

export function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(count)) throw new InvalidArgumentError('Write a whole number.');
  return count;
}

function parse(text: string, units: Record<string, number>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text);
  const [, number, unit] = match ?? [];
  if (number === undefined || unit === undefined || !Object.hasOwn(units, unit)) return undefined;
  return Number(number) * units[unit]!;
}
