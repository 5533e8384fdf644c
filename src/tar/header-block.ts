import type { Header } from 'tar/header';
import { requirePackage } from '../require-package.ts';

export const BLOCK_BYTES = 512;
/** Maximum of a header's 12-byte octal fields: sizes below 8 GiB, times up to the year 2242. */
export const MAX_OCTAL = 0o77777777777;

/** The numeric fields of a header block. */
export interface HeaderNumbers {
  mode: number;
  /** Bytes; not checked. NaN if the field is not a number. */
  size: number;
  /** Whole seconds since 1970. */
  mtimeSeconds: number;
}

const SIZE_AT = 124;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;
const SPACE = 0x20;

/** Length of a header's size field, and of GNU's offset and size fields for sparse files. */
export const SIZE_BYTES = 12;

/** The fields that differ between the header blocks we write. */
export interface HeaderFields extends HeaderNumbers {
  type: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'ExtendedHeader';
  /** ASCII, fewer than 100 characters; so is the link. */
  name: string;
  link: string;
}

/** @param fields numbers from 0 to MAX_OCTAL, or to 0o7777777 for the mode */
export function encodeBlock(fields: HeaderFields): Buffer {
  const { type, name, link, mode, size, mtimeSeconds } = fields;
  const header = new (headerClass())();
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
 * Header takes a file whose name field ends with a slash for a directory and drops its size; but the
 * field may be a longer path, truncated. So Header gets a different path.
 */
const NOT_A_DIRECTORY = { path: '-' };

/**
 * Reads the numbers of a header block. Text fields are read elsewhere: Header decodes them as UTF-8.
 * @returns undefined if the checksum is wrong: then it is not a header
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
 * Reads a field in the format of a header's size, at any offset.
 *
 * @param at where its SIZE_BYTES begin
 * @returns NaN if it is not a number
 */
export function decodeSize(block: Buffer, at: number): number {
  block.copy(sizeOnly, SIZE_AT, at, at + SIZE_BYTES);
  const header = parseHeader(sizeOnly);
  return header === undefined ? Number.NaN : sizeOf(sizeOnly, header);
}

const sizeOnly = Buffer.alloc(BLOCK_BYTES);

/** Sun tar and others summed signed bytes (GNU tar and libarchive also accept both sums). */
function hasChecksum(block: Buffer, { cksum, cksumValid }: Header): boolean {
  if (cksumValid) return true;
  const ownField = block.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES);
  return cksum === signedSum(block) - signedSum(ownField) + CHECKSUM_BYTES * SPACE;
}

function signedSum(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + (byte < 0x80 ? byte : byte - 0x100), 0);
}

/** Loaded on demand: a transfer without a tar does not need it. */
let tarHeader: typeof import('tar/header') | undefined;

function headerClass(): typeof Header {
  tarHeader ??= requirePackage('tar/header') as typeof import('tar/header');
  return tarHeader.Header;
}

/** Header throws on some input that no tar program writes. */
function parseHeader(block: Buffer): Header | undefined {
  try {
    return new (headerClass())(block, 0, NOT_A_DIRECTORY);
  } catch {
    return undefined;
  }
}

/** Header parses garbage as 0 and "12x" as 12, but the start of the next member must not be a guess. */
function sizeOf(block: Buffer, header: Header): number {
  const text = block.toString('latin1', SIZE_AT, SIZE_AT + SIZE_BYTES);
  if (/^ *(?:\0|$)/.test(text)) return 0;
  const isNumber = /^(?: *[0-7]+(?:[ \0]|$)|[\x80-\xff])/.test(text);
  return (isNumber ? header.size : undefined) ?? Number.NaN;
}
