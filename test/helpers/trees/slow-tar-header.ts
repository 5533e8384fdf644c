import { Header } from 'tar';
import type { Entry } from '../../../src/entry/entry.ts';

/** A second implementation of the headers of an entry: slow, plain, and with Header of the tar package. */

const TYPES = {
  file: 'File',
  directory: 'Directory',
  symlink: 'SymbolicLink',
  hardlink: 'Link',
} as const;
const MAX_OCTAL = 0o77777777777;
/** The last of the 100 bytes of the name field is a NUL. */
const MAX_NAME = 99;

export function slowHeader(entry: Entry): Buffer {
  const records = slowRecords(entry);
  return Buffer.concat([...(records === '' ? [] : extended(records)), main(entry)]);
}

function main(entry: Entry): Buffer {
  const seconds = Math.floor(entry.mtimeUs / 1e6);
  return block({
    type: TYPES[entry.kind],
    path: shown(pathOf(entry)),
    linkpath: shown(entry.link ?? ''),
    mode: entry.mode & 0o1777,
    size: entry.size > MAX_OCTAL ? 0 : entry.size,
    mtime: new Date(seconds < 0 || seconds > MAX_OCTAL ? 0 : seconds * 1_000),
  });
}

function extended(records: string): Buffer[] {
  const size = records.length;
  return [
    block({
      type: 'ExtendedHeader',
      path: 'PaxHeader/entry',
      mode: 0o644,
      size,
      mtime: new Date(0),
    }),
    Buffer.from(records, 'latin1'),
    Buffer.alloc(Math.ceil(size / 512) * 512 - size),
  ];
}

function block(fields: ConstructorParameters<typeof Header>[0]): Buffer {
  const bytes = Buffer.alloc(512);
  new Header(Object.assign({ uid: 0, gid: 0 }, fields)).encode(bytes);
  return bytes;
}

function slowRecords(entry: Entry): string {
  const { mtimeUs, size, link } = entry;
  const path = pathOf(entry);
  const records: [string, string][] = [];
  if (mtimeUs < 0 || mtimeUs > MAX_OCTAL * 1e6 || !Number.isInteger(mtimeUs / 1e6)) {
    records.push(['mtime', slowTime(mtimeUs)]);
  }
  const texts = [path, link ?? ''];
  if (size > MAX_OCTAL || texts.some((text) => shown(text) !== text)) {
    records.push(['path', path]);
    if (link !== undefined) records.push(['linkpath', link]);
    if (size > MAX_OCTAL) records.push(['size', `${size}`]);
  }
  return records.map(([key, value]) => slowRecord(`${key}=${value}\n`)).join('');
}

/** The one length that includes its own digits. */
function slowRecord(text: string): string {
  let length = 0;
  while (`${length} ${text}`.length !== length) length += 1;
  return `${length} ${text}`;
}

function slowTime(mtimeUs: number): string {
  const us = BigInt(mtimeUs);
  const digits = `${us < 0n ? -us : us}`.padStart(7, '0');
  const fraction = digits.slice(-6).replace(/0+$/, '');
  return `${us < 0n ? '-' : ''}${digits.slice(0, -6)}${fraction === '' ? '' : `.${fraction}`}`;
}

function pathOf({ kind, path }: Entry): string {
  if (kind !== 'directory') return path;
  return path === '' ? './' : `${path}/`;
}

/** What the name field holds: it never ends with a slash unless the name does. */
function shown(text: string): string {
  const ascii = Array.from(text, (char) => (char >= ' ' && char <= '~' ? char : '_')).join('');
  return ascii.length > MAX_NAME ? `${ascii.slice(0, MAX_NAME - 1)}_` : ascii;
}
