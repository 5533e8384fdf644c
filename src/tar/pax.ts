/**
 * Extended header records as in POSIX.1-2017 pax, "pax Extended Header": "%d %s=%s\n", where the
 * number is the length of the whole record in bytes, including the number itself. Kept as bytes
 * (latin1), because the tar package reads and writes them as UTF-8 and line by line: that would break
 * a name that is not UTF-8 or has a newline.
 */
export type PaxRecords = Map<string, string>;

/** Encodes one record, one character per byte. */
export function encodePax(key: string, value: string): string {
  const rest = key.length + value.length + 3; // ' ', '=' and '\n'
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return `${length} ${key}=${value}\n`;
}

/**
 * @param isWanted selects the records to keep: most of a large header may be irrelevant here
 * @returns undefined if the bytes are not a sequence of complete records
 */
export function decodePax(
  bytes: string,
  isWanted: (key: string) => boolean = () => true,
): PaxRecords | undefined {
  const records: PaxRecords = new Map();
  const sparse: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(' ', at);
    const digits = bytes.slice(at, space);
    if (space < 0 || !/^[1-9]\d{0,8}$/.test(digits)) return undefined;
    const end = at + Number(digits);
    const equals = bytes.indexOf('=', space);
    const whole = end <= bytes.length && bytes[end - 1] === '\n';
    if (!whole || equals < 0 || equals > end - 2) return undefined;
    const key = bytes.slice(space + 1, equals);
    const value = bytes.slice(equals + 1, end - 1);
    if (SPARSE_PAIR.includes(key)) {
      if (key !== SPARSE_PAIR[sparse.length % 2]) return undefined;
      sparse.push(value);
    } else if (isWanted(key)) records.set(key, value);
    at = end;
  }
  if (sparse.length > 0) records.set('GNU.sparse.map', sparse.join(','));
  return records;
}

/**
 * Version 0.0 of GNU's sparse format repeats these two keys in turn. They are stored as the single list
 * GNU.sparse.map of version 0.1.
 */
const SPARSE_PAIR = ['GNU.sparse.offset', 'GNU.sparse.numbytes'];

/** Whether our reader uses this record. */
export function isKnownKey(key: string): boolean {
  return KNOWN_KEYS.has(key) || isAttributeKey(key);
}

const KNOWN_KEYS = new Set([
  'path',
  'linkpath',
  'size',
  'mtime',
  'GNU.sparse.major',
  'GNU.sparse.minor',
  'GNU.sparse.name',
  'GNU.sparse.size',
  'GNU.sparse.realsize',
  'GNU.sparse.map',
  'SCHILY.realsize',
]);

/** Whether any record is an extended attribute or an ACL. */
export function hasAttributes(records: PaxRecords): boolean {
  for (const key of records.keys()) if (isAttributeKey(key)) return true;
  return false;
}

/** Keys of star and GNU tar, libarchive and Red Hat's tar. */
function isAttributeKey(key: string): boolean {
  return (
    key.includes('.') && /^(?:SCHILY\.(?:xattr|acl)|LIBARCHIVE\.xattr|RHT\.security)\./.test(key)
  );
}

/** "1700000000.123456", "-0.5": decimal seconds, as in pax's mtime. */
export function encodePaxTime(us: number): string {
  const whole = Math.trunc(us / 1e6);
  const fraction = Math.abs(us % 1e6);
  const sign = us < 0 && whole === 0 ? '-' : '';
  if (fraction === 0) return `${sign}${whole}`;
  return `${sign}${whole}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
}

/** Microseconds, rounded towards the past; undefined if the time is invalid or out of range. */
export function decodePaxTime(text: string): number | undefined {
  const match = /^(-?)(\d{1,11})(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, seconds, fraction = ''] = match;
  const us = Number(seconds) * 1e6 + Number(fraction.slice(0, 6).padEnd(6, '0'));
  const rest = /[1-9]/.test(fraction.slice(6)) ? 1 : 0;
  const signed = sign === '-' ? -us - rest : us;
  return Number.isSafeInteger(signed) ? signed : undefined;
}
