import { MAX_SPARSE_REGIONS } from '../limits.ts';
import { BLOCK_BYTES, decodeSize, SIZE_BYTES } from './header-block.ts';
import type { PaxRecords } from './pax.ts';

/** Where the data of a sparse file is; the gaps between regions are zeros. */
export interface SparseMap {
  /** Size of the whole file in bytes, with its holes. */
  realSize: number;
  /** Offset and length of each region, alternating; the lengths add up to the data in the archive. */
  regions: number[];
}

/** What is wrong with a map, worded to follow "a bad sparse map". */
export class BadSparseMap extends Error {}

/** Where the old GNU format stores its map: in the header and in each extension block after it. */
const HEADER_REGIONS = { at: 386, count: 4 };
const EXTENSION_REGIONS = { at: 0, count: 21 };
const REGION_BYTES = 2 * SIZE_BYTES;
const IS_EXTENDED_AT = 482;
const REAL_SIZE_AT = 483;

/**
 * The map of a member of type S (GNU tar's manual, "Basic Tar Format", oldgnu_header).
 * @param nextBlock reads the next extension block and returns its buffer
 */
export function readOldGnuMap(header: Buffer, nextBlock: () => Buffer): SparseMap {
  const regions: number[] = [];
  const realSize = decodeSize(header, REAL_SIZE_AT);
  addRegions(regions, header, HEADER_REGIONS);
  for (let isExtended = header[IS_EXTENDED_AT] !== 0; isExtended;) {
    const block = nextBlock();
    const before = regions.length;
    addRegions(regions, block, EXTENSION_REGIONS);
    isExtended = block[REGION_BYTES * EXTENSION_REGIONS.count] !== 0;
    // Otherwise blocks without regions could go on forever.
    if (isExtended && regions.length === before) throw new BadSparseMap('an empty extension');
  }
  return { realSize, regions };
}

function addRegions(
  regions: number[],
  block: Buffer,
  { at, count }: { at: number; count: number },
): void {
  for (let i = 0; i < count; i++) {
    const region = at + i * REGION_BYTES;
    const length = region + SIZE_BYTES;
    if (block[length] === 0) return;
    addNumber(regions, decodeSize(block, region));
    addNumber(regions, decodeSize(block, length));
  }
}

/**
 * The map of a member whose pax header declares it sparse (GNU tar's manual, "PAX Format, Versions 0.0
 * and 0.1" and "Version 1.0"); undefined if it is not sparse.
 *
 * @param readMap reads the map of version 1.0, which precedes the data
 */
export function readPaxMap(records: PaxRecords, readMap: () => number[]): SparseMap | undefined {
  if (!records.has(SPARSE_MAJOR) && !records.has(SPARSE_MAP)) return undefined;
  const version = `${records.get(SPARSE_MAJOR) ?? 0}.${records.get(SPARSE_MINOR) ?? 1}`;
  if (version === '1.0') {
    return { realSize: decimal(records.get('GNU.sparse.realsize')), regions: readMap() };
  }
  if (version !== '0.0' && version !== '0.1') throw new BadSparseMap(`version ${version}`);
  const regions: number[] = [];
  const map = records.get(SPARSE_MAP) ?? '';
  if (map !== '') for (const number of map.split(',')) addNumber(regions, decimal(number));
  const realSize = records.get('GNU.sparse.size') ?? records.get('GNU.sparse.realsize');
  return { realSize: decimal(realSize), regions };
}

const SPARSE_MAJOR = 'GNU.sparse.major';
const SPARSE_MINOR = 'GNU.sparse.minor';
const SPARSE_MAP = 'GNU.sparse.map';

/**
 * The map of version 1.0: one decimal number per line, first the number of regions, then the offset and
 * length of each; zeros fill the last block.
 *
 * @param nextBlock reads the member's next block and returns its buffer
 */
export function readMapLines(nextBlock: () => Buffer): number[] {
  const numbers: number[] = [];
  let line = '';
  for (let left = 1; left > 0;) {
    const block = nextBlock();
    for (let i = 0; i < BLOCK_BYTES && left > 0; i++) {
      const byte = block[i]!;
      if (byte !== NEWLINE) {
        line += String.fromCharCode(byte);
        if (line.length > MAX_DIGITS) throw new BadSparseMap('a line that is no number');
        continue;
      }
      addNumber(numbers, decimal(line));
      line = '';
      left = numbers.length === 1 ? 2 * checkCount(numbers[0]!) : left - 1;
    }
  }
  return numbers.slice(1);
}

const NEWLINE = 0x0a;
/** Decimal digits of 2^53, the limit of exact integers. */
const MAX_DIGITS = 16;

/** @throws BadSparseMap unless the map describes a file with `dataSize` bytes of data */
export function checkMap({ realSize, regions }: SparseMap, dataSize: number): void {
  if (!Number.isSafeInteger(realSize)) throw new BadSparseMap('a bad size');
  if (regions.length % 2 !== 0) throw new BadSparseMap('an offset without a length');
  let end = 0;
  let data = 0;
  for (let i = 0; i < regions.length; i += 2) {
    const offset = regions[i]!;
    const length = regions[i + 1]!;
    if (offset < end) throw new BadSparseMap('regions that overlap, or are out of order');
    end = offset + length;
    if (end > realSize) throw new BadSparseMap('a region behind the end of the file');
    data += length;
  }
  if (data !== dataSize) throw new BadSparseMap(`${data} bytes of data instead of ${dataSize}`);
}

function addNumber(numbers: number[], number: number): void {
  if (!Number.isSafeInteger(number) || number < 0) throw new BadSparseMap('a bad number');
  checkCount(numbers.length / 2);
  numbers.push(number);
}

function checkCount(regions: number): number {
  if (regions > MAX_SPARSE_REGIONS) {
    throw new BadSparseMap(`more than ${MAX_SPARSE_REGIONS} regions`);
  }
  return regions;
}

/** Number() alone would parse '' as 0, and would accept "0x10" and "1e3". */
export function decimal(text: string | undefined): number {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
}
