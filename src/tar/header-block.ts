import { Header } from 'tar/header';

export const BLOCK_BYTES = 512;
/** What a header's 12-byte octal fields hold: sizes below 8 GiB, times to the year 2242. */
export const MAX_OCTAL = 0o77777777777;

/** The numbers of a header block. */
export interface HeaderNumbers {
  mode: number;
  /** Bytes; not checked. NaN where the field has no number. */
  size: number;
  /** Whole seconds since 1970. */
  mtimeSeconds: number;
}

const SIZE_AT = 124;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;
const SPACE = 0x20;

/** Bytes of a header's size field, and of GNU's fields for the offsets and sizes of sparse files. */
export const SIZE_BYTES = 12;

/** What differs between the header blocks that are written. */
export interface HeaderFields extends HeaderNumbers {
  type: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'ExtendedHeader';
  /** ASCII, less than 100 characters; so is the link. */
  name: string;
  link: string;
}

/** @param fields numbers from 0 to what their fields hold: MAX_OCTAL, and 0o7777777 for the mode */
export function encodeBlock(fields: HeaderFields): Buffer {
  const { type, name, link, mode, size, mtimeSeconds } = fields;
  const header = new Header();
  header.type = type;
  header.path = name;
  header.linkpath = link;
  header.mode = mode;
  header.size = size;
  header.mtime = new Date(mtimeSeconds * 1_000);
  header.uid = 0;
  header.gid = 0;
  const block = Buffer.alloc(BLOCK_BYTES);
  header.encode(block);
  return block;
}

/**
 * A file whose name field ends with a slash is a directory to Header, and loses its size; but the field
 * may be the cut beginning of a longer path. So Header is told of another path.
 */
const NOT_A_DIRECTORY = { path: '-' };

/**
 * Reads the numbers of a header block. Its texts are read elsewhere: Header takes them for UTF-8.
 * @returns undefined when the checksum is wrong: then it is no header
 */
export function decodeNumbers(block: Buffer): HeaderNumbers | undefined {
  const header = parseHeader(block);
  if (header === undefined || !hasChecksum(block, header)) return undefined;
  const seconds = (header.mtime?.getTime() ?? 0) / 1000;
  return {
    mode: header.mode ?? 0,
    size: sizeOf(block, header),
    mtimeSeconds: Number.isFinite(seconds) ? seconds : 0,
  };
}

/**
 * Reads a field like a header's size, wherever it stands.
 *
 * @param at where its SIZE_BYTES begin
 * @returns NaN where it has no number
 */
export function decodeSize(block: Buffer, at: number): number {
  block.copy(sizeOnly, SIZE_AT, at, at + SIZE_BYTES);
  const header = parseHeader(sizeOnly);
  return header === undefined ? Number.NaN : sizeOf(sizeOnly, header);
}

const sizeOnly = Buffer.alloc(BLOCK_BYTES);

/** Tars of Sun and others summed signed bytes (GNU tar and libarchive take both sums as well). */
function hasChecksum(block: Buffer, { cksum, cksumValid }: Header): boolean {
  if (cksumValid) return true;
  const ownField = block.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES);
  return cksum === signedSum(block) - signedSum(ownField) + CHECKSUM_BYTES * SPACE;
}

function signedSum(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + (byte < 0x80 ? byte : byte - 0x100), 0);
}

/** Header throws at some of what no tar writes. */
function parseHeader(block: Buffer): Header | undefined {
  try {
    return new Header(block, 0, NOT_A_DIRECTORY);
  } catch {
    return undefined;
  }
}

/** Header takes garbage for 0, and "12x" for 12: where the next member begins must not be a guess. */
function sizeOf(block: Buffer, header: Header): number {
  const text = block.toString('latin1', SIZE_AT, SIZE_AT + SIZE_BYTES);
  if (/^ *(?:\0|$)/.test(text)) return 0;
  const isNumber = /^(?: *[0-7]+(?:[ \0]|$)|[\x80-\xff])/.test(text);
  return (isNumber ? header.size : undefined) ?? Number.NaN;
}
