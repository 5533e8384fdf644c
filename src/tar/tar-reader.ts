import { toText, type BytePath } from '../disk/byte-path.ts';
import type { ByteSource } from '../entry/byte-io.ts';
import type { CtxsyncError } from '../errors.ts';
import { MAX_TAR_HEADERS } from '../limits.ts';
import { BLOCK_BYTES, decodeNumbers, type HeaderNumbers } from './header-block.ts';
import { decodePax, decodePaxTime, hasAttributes, isKnownKey, type PaxRecords } from './pax.ts';
import { SparseContent } from './sparse-content.ts';
import {
  BadSparseMap,
  checkMap,
  decimal,
  readMapLines,
  readOldGnuMap,
  readPaxMap,
  type SparseMap,
} from './sparse-map.ts';
import { TarBlocks } from './tar-blocks.ts';
import { paddingBytes } from './tar-header.ts';

/** A member as it is in the archive: nothing about it is checked. */
export interface TarMember {
  path: BytePath;
  /** ustar's typeflag: '0' file, '1' hardlink, '2' symlink, '5' directory ... */
  type: string;
  link: BytePath;
  /** The whole mode field, including setuid. */
  mode: number;
  mtimeUs: number;
  /** Bytes of content; for a sparse file, including holes. */
  size: number;
  /** Whether it has extended attributes or an ACL. */
  hasAttributes: boolean;
}

/**
 * Reads consecutive archives to the end of the bytes: ustar and pax (POSIX.1-2017), GNU's long names,
 * sparse files and directory lists, and the older headers that tar programs still write. Names are
 * bytes.
 *
 * The end of an archive must be followed by zeros or another archive, as in `cat a.tar b.tar`, so that
 * no data is silently skipped.
 *
 * @throws CtxsyncError source-unreadable if an archive is broken or ends too early
 */
export class TarReader {
  readonly #blocks: TarBlocks;
  /** The time from a global pax header, for members without a time of their own. */
  #globalTime: string | undefined;
  /** Bytes of the current member still in the archive: content, then bytes to skip. */
  #left = 0;
  #unread = 0;
  #sparse: SparseContent | undefined;
  #path: BytePath = '';

  constructor(source: ByteSource) {
    this.#blocks = new TarBlocks(source);
  }

  /** Skips the rest of the current member and returns the next; undefined after the last. */
  next(): TarMember | undefined {
    const blocks = this.#blocks;
    blocks.skip(this.#left + this.#unread, this.#path);
    this.#left = this.#unread = 0;
    this.#sparse = undefined;
    let extras: Extras | undefined;
    for (let headers = 0; blocks.nextHeader(); headers++) {
      if (headers > MAX_TAR_HEADERS) {
        throw blocks.broken(`has more than ${MAX_TAR_HEADERS} headers before a member`);
      }
      this.#checkBoundary(extras);
      const header = decodeNumbers(blocks.block);
      if (header === undefined) throw blocks.noHeader();
      const type = typeOf(blocks.block);
      if (type === 'g') this.#takeGlobal(header);
      else if (isExtra(type)) extras = this.#withExtra(type, header, extras ?? {});
      else return this.#member(type, header, extras ?? {});
    }
    this.#checkBoundary(extras);
    return undefined;
  }

  /** Content of the current member, what is available at once; empty at its end. */
  content(): Uint8Array {
    const sparse = this.#sparse;
    if (sparse !== undefined && sparse.hole > 0) return sparse.zeros();
    const limit = sparse?.data ?? this.#left;
    return limit === 0 ? NO_BYTES : this.#blocks.peek(limit, this.#path);
  }

  /** Releases the first `count` bytes of what `content` returned. */
  consumed(count: number): void {
    const isHole = this.#sparse !== undefined && this.#sparse.hole > 0;
    this.#sparse?.consumed(count);
    if (isHole) return;
    this.#blocks.consumed(count);
    this.#left -= count;
  }

  /** Where an archive ends, a header about the next member has none to apply to. */
  #checkBoundary(extras: Extras | undefined): void {
    const { zeroBlocks, at } = this.#blocks;
    if (zeroBlocks === 0) return;
    if (extras !== undefined) {
      throw this.#blocks.broken(`ends before byte ${at} without the member that a header is about`);
    }
    if (zeroBlocks > 1) this.#globalTime = undefined;
  }

  /**
   * Of a global header, only the time is used. POSIX: a path or size for all members makes no sense;
   * git archive's comment is harmless.
   */
  #takeGlobal(header: HeaderNumbers): void {
    const records = this.#records(header);
    this.#globalTime = records.get('mtime') ?? this.#globalTime;
  }

  #withExtra(type: string, header: HeaderNumbers, extras: Extras): Extras {
    switch (type) {
      case 'L':
        return { ...extras, longPath: cutAtNul(this.#text(header)) };
      case 'K':
        return { ...extras, longLink: cutAtNul(this.#text(header)) };
      default:
        return { ...extras, records: this.#records(header) };
    }
  }

  #member(type: string, header: HeaderNumbers, extras: Extras): TarMember {
    const { records = NO_RECORDS, longPath, longLink } = extras;
    const { block } = this.#blocks;
    const member: TarMember = {
      path: records.get('GNU.sparse.name') ?? records.get('path') ?? longPath ?? ustarPath(block),
      type: MEANT[type] ?? type,
      link: records.get('linkpath') ?? longLink ?? field(block, 157, 100),
      mode: header.mode,
      mtimeUs: this.#time(records.get('mtime') ?? this.#globalTime, header),
      size: this.#number(records.get('size'), header.size, 'size'),
      hasAttributes: hasAttributes(records),
    };
    this.#path = member.path;
    const refused = REFUSED[type];
    if (refused !== undefined) {
      throw this.#blocks.broken(
        `has ${toText(member.path)} before byte ${this.#blocks.at}, ${refused}`,
      );
    }
    this.#beginContent(type, member);
    const map = this.#sparseMap(type, records);
    if (map !== undefined) this.#beginSparse(map, member);
    return member;
  }

  #beginContent(type: string, { size }: TarMember): void {
    this.#left = hasContent(type) ? size : 0;
    this.#unread = paddingBytes(this.#left);
    if (type !== DUMPED_FOLDER) return;
    // Its data is the list of names in the directory.
    this.#unread += size;
    this.#left = 0;
  }

  #sparseMap(type: string, records: PaxRecords): SparseMap | undefined {
    try {
      if (type === OLD_GNU_SPARSE) {
        return readOldGnuMap(this.#blocks.block, () => this.#blocks.nextBlock(this.#path));
      }
      const map = readPaxMap(records, () => readMapLines(() => this.#contentBlock()));
      if (map !== undefined && type !== '0') throw new BadSparseMap('it is no file');
      if (map === undefined && hasContent(type)) this.#checkRealSize(records);
      return map;
    } catch (error) {
      throw this.#badSparse(error);
    }
  }

  /** Refuses star's own sparse format. */
  #checkRealSize(records: PaxRecords): void {
    const realSize = records.get('SCHILY.realsize');
    if (realSize === undefined || decimal(realSize) === this.#left) return;
    throw new BadSparseMap("of star's own form, which is not read");
  }

  #beginSparse(map: SparseMap, member: TarMember): void {
    try {
      checkMap(map, this.#left);
    } catch (error) {
      throw this.#badSparse(error);
    }
    member.size = map.realSize;
    this.#sparse = new SparseContent(map);
  }

  /** A block of the member's own content. */
  #contentBlock(): Buffer {
    if (this.#left < BLOCK_BYTES) throw new BadSparseMap('it does not end');
    this.#left -= BLOCK_BYTES;
    return this.#blocks.nextBlock(this.#path);
  }

  #badSparse(error: unknown): unknown {
    if (!(error instanceof BadSparseMap)) return error;
    return this.#bad(`sparse map for ${toText(this.#path)} (${error.message})`);
  }

  #records(header: HeaderNumbers): PaxRecords {
    const records = decodePax(this.#text(header), isKnownKey);
    if (records === undefined) throw this.#bad('pax header');
    return records;
  }

  #text(header: HeaderNumbers): string {
    return this.#blocks.text(this.#number(undefined, header.size, 'size'));
  }

  #time(paxTime: string | undefined, { mtimeSeconds }: HeaderNumbers): number {
    const mtimeUs = paxTime === undefined ? mtimeSeconds * 1e6 : decodePaxTime(paxTime);
    if (mtimeUs === undefined) throw this.#bad('mtime');
    return Number.isSafeInteger(mtimeUs) ? mtimeUs : 0;
  }

  #number(text: string | undefined, value: number, what: string): number {
    const number = text === undefined ? value : decimal(text);
    if (!Number.isSafeInteger(number) || number < 0) throw this.#bad(what);
    return number;
  }

  #bad(what: string): CtxsyncError {
    return this.#blocks.broken(`has a bad ${what} before byte ${this.#blocks.at}`);
  }
}

const NO_BYTES = new Uint8Array(0);
const NO_RECORDS: PaxRecords = new Map();

/** What the headers before a member specify about it. */
interface Extras {
  records?: PaxRecords;
  longPath?: BytePath;
  longLink?: BytePath;
}

const OLD_GNU_SPARSE = 'S';
const DUMPED_FOLDER = 'D';

/**
 * Typeflags that are treated as another one: a pre-POSIX file, a contiguous file, a sparse file, and a
 * directory of `tar -g` with its list of names.
 */
const MEANT: Record<string, string> = {
  '\0': '0',
  '7': '0',
  [OLD_GNU_SPARSE]: '0',
  [DUMPED_FOLDER]: '5',
};

/** Types that can be neither read as files nor skipped: other members would be wrong. */
const REFUSED: Record<string, string> = {
  M: 'the rest of a file from another volume (tar -M); make one archive of the volumes first',
  N: 'a list of names as GNU tar wrote it before 1993; write the archive anew with another tar',
};

/** Headers about the next member: pax, its Solaris variant, and GNU's long names and links. */
function isExtra(type: string): boolean {
  return type === 'x' || type === 'X' || type === 'L' || type === 'K';
}

/** Only files have content; some tar programs write a size for other types, but no bytes follow. */
function hasContent(type: string): boolean {
  return !['1', '2', '3', '4', '5', '6'].includes(type);
}

function typeOf(block: Buffer): string {
  return String.fromCharCode(block[156]!);
}

/** The name with its prefix. With GNU's own magic ("ustar  "), times are in place of the prefix. */
function ustarPath(block: Buffer): BytePath {
  const name = field(block, 0, 100);
  const prefix = field(block, 345, 155);
  const isUstar = prefix !== '' && block.toString('latin1', 257, 263) === 'ustar\0';
  return isUstar ? `${prefix}/${name}` : name;
}

/** A text field's bytes up to the first NUL, if any. Most are short or empty. */
function field(block: Buffer, offset: number, length: number): string {
  let end = offset;
  while (end < offset + length && block[end] !== 0) end++;
  return end === offset ? '' : block.toString('latin1', offset, end);
}

function cutAtNul(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}
