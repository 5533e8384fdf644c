import { escapeControl } from '../../disk/byte-path.ts';
import { formatAge } from '../../observe/format-age.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units, three digits: `612 MB`, `1.23 GB`, `999 B`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be shown as 1,000, which belongs to the next unit.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit === 0 ? value.toFixed(0) : threeDigits(value)} ${UNITS[unit]}`;
}

/** `374/612 MB`, or `37.4 kB/612 MB` where the units differ. */
export function formatBytesOf(bytes: number, total: number): string {
  const [value = '', unit] = formatBytes(bytes).split(' ');
  const ofTotal = formatBytes(total);
  return ofTotal.endsWith(` ${unit}`) ? `${value}/${ofTotal}` : `${value} ${unit}/${ofTotal}`;
}

/** Bytes a second: `197 MB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** `sending`, or `waiting: 2 senders ahead`. */
export function phaseWords(phase: string, queue: string | undefined): string {
  const word = phase === 'queued' ? 'waiting' : phase;
  return queue === undefined || queue === '' ? word : `${word}: ${queue}`;
}

/** Thousands separated: `86,955`. */
export function formatCount(count: number): string {
  return count.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** How long something took: `41ms`, `0.6s`, `3.1s`, `1m 12s`, `2h 5m`. */
export function formatDuration(ms: number): string {
  if (ms < 99.5) return `${ms.toFixed(0)}ms`;
  return ms < 59_950 ? `${(ms / 1_000).toFixed(1)}s` : formatAge(Math.round(ms / 1_000) * 1_000);
}

/** A time that was set, as people write it: `60s`, `5m`, `1h 30m`. */
export function formatLimit(ms: number): string {
  return ms < 120_000
    ? `${Number((ms / 1_000).toFixed(1))}s`
    : formatAge(ms).replace(/ 0[sm]$/, '');
}

/** Whole percentages of non-negative parts that add up to 100, each off by less than 1. */
export function shares(parts: number[]): number[] {
  const total = parts.reduce((sum, part) => sum + part, 0);
  if (total <= 0) return parts.map(() => 0);
  const exact = parts.map((part) => (100 * part) / total);
  const whole = exact.map(Math.floor);
  const missing = 100 - whole.reduce((sum, part) => sum + part, 0);
  const largestRests = exact
    .map((value, index) => ({ index, rest: value - Math.floor(value) }))
    .toSorted((a, b) => b.rest - a.rest)
    .slice(0, missing);
  for (const { index } of largestRests) whole[index]! += 1;
  return whole;
}

/**
 * What a terminal or a CI log interprets in a text: control characters, changes of reading direction,
 * and the first `#` of `##[command]` and `##vso[command]`, which the runners of GitHub Actions
 * (actions/runner, ActionCommand.TryParse) and Azure Pipelines recognize anywhere in a line.
 */
export const DANGEROUS = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|#(?=#[A-Za-z]*\[)/gu;

/** Escapes text of any origin, such as a peer's message or a path, so that nothing interprets it. */
export function printable(text: string): string {
  return text.replace(DANGEROUS, escapeControl);
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
