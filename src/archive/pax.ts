/**
 * Extended header records as POSIX.1-2017 pax, "pax Extended Header", has them: "%d %s=%s\n", where
 * the number counts the whole record in bytes, itself included. Here in bytes (latin1), because the
 * tar package reads and writes them as UTF-8 and line by line: a name that is not UTF-8, or that
 * has a newline, would not survive it.
 */
export type PaxRecords = Map<string, string>;

/**
 * Our own keyword, in the form that POSIX leaves to vendors: bytes of a file's content, which does
 * not follow, because the receiver has it.
 */
export const KEPT = 'CTXSYNC.kept';

/** One record: a character a byte. */
export function encodePax(key: string, value: string): string {
  const rest = key.length + value.length + 3; // ' ', '=' and '\n'
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return `${length} ${key}=${value}\n`;
}

/** @returns undefined when the bytes are not a sequence of whole records */
export function decodePax(bytes: string): PaxRecords | undefined {
  const records: PaxRecords = new Map();
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(' ', at);
    const digits = bytes.slice(at, space);
    if (space < 0 || !/^[1-9]\d{0,8}$/.test(digits)) return undefined;
    const end = at + Number(digits);
    const equals = bytes.indexOf('=', space);
    const whole = end <= bytes.length && bytes[end - 1] === '\n';
    if (!whole || equals < 0 || equals > end - 2) return undefined;
    records.set(bytes.slice(space + 1, equals), bytes.slice(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** "1700000000.123456", "-0.5": decimal seconds, as pax's mtime. */
export function encodePaxTime(us: number): string {
  const whole = Math.trunc(us / 1e6);
  const fraction = Math.abs(us % 1e6);
  const sign = us < 0 && whole === 0 ? '-' : '';
  if (fraction === 0) return `${sign}${whole}`;
  return `${sign}${whole}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
}

/** Microseconds, rounded towards the past; undefined when it is no time that can be kept. */
export function decodePaxTime(text: string): number | undefined {
  const match = /^(-?)(\d{1,11})(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, seconds, fraction = ''] = match;
  const us = Number(seconds) * 1e6 + Number(fraction.slice(0, 6).padEnd(6, '0'));
  const rest = /[1-9]/.test(fraction.slice(6)) ? 1 : 0;
  const signed = sign === '-' ? -us - rest : us;
  return Number.isSafeInteger(signed) ? signed : undefined;
}
