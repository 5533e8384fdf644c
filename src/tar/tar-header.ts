import type { BytePath } from '../disk/byte-path.ts';
import { MODE_BITS, type Entry, type EntryKind } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_OWN_PAX_BYTES } from '../limits.ts';
import { BLOCK_BYTES, encodeBlock, MAX_OCTAL } from './header-block.ts';
import { encodePax, encodePaxTime } from './pax.ts';

/** Length of a ustar header's name and link name. The prefix field is not used: pax is clearer. */
const NAME_BYTES = 100;

const TYPES = {
  file: 'File',
  directory: 'Directory',
  symlink: 'SymbolicLink',
  hardlink: 'Link',
} as const satisfies Record<EntryKind, string>;

/**
 * An entry's headers: a ustar block, preceded by a pax extended header if ustar cannot hold everything
 * (POSIX.1-2017 pax, "ustar Interchange Format"). `entry.size` bytes of content follow, then zeros up
 * to a full block.
 */
export function encodeHeader(entry: Entry): Buffer {
  const records = extendedRecords(entry);
  return records === '' ? mainBlock(entry) : Buffer.concat([extended(records), mainBlock(entry)]);
}

/** Whether the entry fits into its own block, without an extended header. */
export function isPlain(entry: Entry): boolean {
  return extendedRecords(entry) === '';
}

/** The number of zero bytes after `size` bytes of content. */
export function paddingBytes(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** The two zero blocks that end an archive. */
export const END_OF_ARCHIVE = new Uint8Array(2 * BLOCK_BYTES);

/** What does not fit into the entry's own block: nearly always only its fractional time. */
function extendedRecords(entry: Entry): string {
  const { mtimeUs, size, link } = entry;
  let records = '';
  if (mtimeUs % 1e6 !== 0 || !fitsOctal(mtimeUs / 1e6)) {
    records += encodePax('mtime', encodePaxTime(mtimeUs));
  }
  const path = tarPath(entry);
  if (!fitsName(path) || !fitsName(link ?? '') || !fitsOctal(size)) {
    records += encodePax('path', path);
    if (link !== undefined) records += encodePax('linkpath', link);
    if (!fitsOctal(size)) records += encodePax('size', String(size));
  }
  return records;
}

function extended(records: string): Buffer {
  const size = records.length;
  if (size > MAX_OWN_PAX_BYTES) {
    throw new CtxsyncError('internal', `a pax header of ${size} bytes, no reader would take it`);
  }
  const name = 'PaxHeader/entry';
  const fields = { type: 'ExtendedHeader', name, link: '', mode: 0o644, size } as const;
  return Buffer.concat([
    encodeBlock({ ...fields, mtimeSeconds: 0 }),
    Buffer.from(records, 'latin1'),
    Buffer.alloc(paddingBytes(size)),
  ]);
}

function mainBlock(entry: Entry): Buffer {
  const seconds = Math.floor(entry.mtimeUs / 1e6);
  return encodeBlock({
    type: TYPES[entry.kind],
    name: placeholder(tarPath(entry)),
    link: placeholder(entry.link ?? ''),
    mode: entry.mode & MODE_BITS,
    size: fitsOctal(entry.size) ? entry.size : 0,
    mtimeSeconds: fitsOctal(seconds) ? seconds : 0,
  });
}

function fitsOctal(value: number): boolean {
  return value >= 0 && value <= MAX_OCTAL;
}

/** ustar names are ASCII only. */
function fitsName(name: BytePath): boolean {
  return name.length < NAME_BYTES && /^[ -~]*$/.test(name);
}

/** A directory's path ends with a slash, and the root is "./", as tar writes them. */
function tarPath(entry: Entry): BytePath {
  if (entry.kind !== 'directory') return entry.path;
  return entry.path === '' ? './' : `${entry.path}/`;
}

/**
 * The name if a ustar header can hold it, else a substitute for readers without pax. A truncated name
 * never ends with a slash, which would make it a directory.
 */
function placeholder(name: BytePath): string {
  if (fitsName(name)) return name;
  const printable = name.replace(/[^ -~]/g, '_');
  if (printable.length < NAME_BYTES) return printable;
  return `${printable.slice(0, NAME_BYTES - 2)}_`;
}
