import { Header, type HeaderData } from 'tar/header';
import type { BytePath } from '../disk/byte-path.ts';
import { MODE_BITS, type Entry, type EntryKind } from '../entry.ts';
import { encodePax, encodePaxTime, KEPT, type PaxRecords } from './pax.ts';

export const BLOCK_BYTES = 512;
/** What a ustar header's 12-byte octal fields hold: sizes to 8 GiB, times to the year 2242. */
const MAX_OCTAL = 0o77777777777;
/** Bytes of a ustar header's name and link name. The prefix field is not used: pax is clearer. */
const NAME_BYTES = 100;

const TYPES = {
  file: 'File',
  folder: 'Directory',
  symlink: 'SymbolicLink',
  hardlink: 'Link',
} as const satisfies Record<EntryKind, HeaderData['type']>;

// Made once: making a Header costs more than encoding it.
const main = new Header();
const mainBlock = Buffer.alloc(BLOCK_BYTES);

/**
 * An entry's headers: a ustar block, before it a pax extended header where ustar does not hold all
 * of it (POSIX.1-2017 pax, "ustar Interchange Format"). Content of `entry.size` bytes follows, then
 * zeros to the next full block.
 *
 * @returns bytes that are valid until the next call
 */
export function encodeHeader(entry: Entry): Uint8Array {
  const records: PaxRecords = new Map();
  const fits = encodeMain(entry);
  if (entry.mtimeUs % 1e6 !== 0 || !fitsOctal(entry.mtimeUs / 1e6)) {
    records.set('mtime', encodePaxTime(entry.mtimeUs));
  }
  if (!fits) {
    records.set('path', tarPath(entry));
    if (entry.link !== undefined) records.set('linkpath', entry.link);
    if (!fitsOctal(entry.size)) records.set('size', String(entry.size));
  }
  if (entry.kept !== undefined) records.set(KEPT, String(entry.kept));
  return records.size === 0 ? mainBlock : Buffer.concat([encodeExtended(records), mainBlock]);
}

/** The zeros after content of `size` bytes. */
export function paddingBytes(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** The two zero blocks that end an archive. */
export const END_OF_ARCHIVE = new Uint8Array(2 * BLOCK_BYTES);

function encodeMain(entry: Entry): boolean {
  const path = tarPath(entry);
  main.type = TYPES[entry.kind];
  main.path = placeholder(path);
  main.linkpath = placeholder(entry.link ?? '');
  main.mode = entry.mode & MODE_BITS;
  main.size = fitsOctal(entry.size) ? entry.size : 0;
  const seconds = Math.floor(entry.mtimeUs / 1e6);
  main.mtime = new Date(fitsOctal(seconds) ? seconds * 1000 : 0);
  main.uid = 0;
  main.gid = 0;
  mainBlock.fill(0);
  main.encode(mainBlock);
  return main.path === path && main.linkpath === (entry.link ?? '') && main.size === entry.size;
}

function fitsOctal(value: number): boolean {
  return value >= 0 && value <= MAX_OCTAL;
}

/** Nearly every entry has an extended header, for its fractional time; they differ in size only. */
const extendedBlocks = new Map<number, Buffer>();

function encodeExtended(records: PaxRecords): Buffer {
  const body = encodePax(records);
  const bytes = Buffer.alloc(BLOCK_BYTES + body.length + paddingBytes(body.length));
  let block = extendedBlocks.get(body.length);
  if (block === undefined) {
    block = encodeExtendedBlock(body.length);
    if (body.length <= BLOCK_BYTES) extendedBlocks.set(body.length, block);
  }
  bytes.set(block);
  bytes.write(body, BLOCK_BYTES, 'latin1');
  return bytes;
}

function encodeExtendedBlock(size: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const header = new Header({ type: 'ExtendedHeader', path: 'PaxHeader/entry', mode: 0o644, size });
  header.mtime = new Date(0);
  header.uid = header.gid = 0;
  header.encode(block);
  return block;
}

/** A folder's path ends with a slash, and the root's is "./", as tar writes them. */
function tarPath(entry: Entry): BytePath {
  if (entry.kind !== 'folder') return entry.path;
  return entry.path === '' ? './' : `${entry.path}/`;
}

/**
 * The name where a ustar header can hold it, else what stands there for readers without pax: never
 * something that ends with a slash, which would make a folder of it.
 */
function placeholder(name: BytePath): string {
  const printable = name.replace(/[^ -~]/g, '_');
  if (printable.length < NAME_BYTES) return printable;
  return `${printable.slice(0, NAME_BYTES - 2)}_`;
}
