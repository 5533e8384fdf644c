import { toText, type BytePath } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_PAX_BYTES } from '../limits.ts';
import { readAll, type ByteSource } from '../byte-io.ts';
import { BLOCK_BYTES, decodeNumbers, type HeaderNumbers } from './header-block.ts';
import { decodePax, decodePaxTime, KEPT, type PaxRecords } from './pax.ts';
import { paddingBytes } from './tar-header.ts';

/** A member of an archive as it stands there: nothing about it is checked. */
export interface TarMember {
  path: BytePath;
  /** ustar's typeflag: '0' file, '1' hardlink, '2' symlink, '5' folder ... */
  type: string;
  link: BytePath;
  /** All of what the mode field has, setuid and all. */
  mode: number;
  mtimeUs: number;
  size: number;
  /** Bytes of content that do not follow: see KEPT. */
  kept?: number;
}

/** Whose archive it is: what the error says when it is broken. */
export interface TarOrigin {
  /** "the tar on stdin" */
  name: string;
  code: 'corrupt' | 'source-unreadable';
}

/**
 * Reads an archive from its beginning to its end marker: ustar and pax (POSIX.1-2017), GNU's long
 * names, and the older headers that tars still write. Names are taken as bytes.
 *
 * @throws CtxsyncError with the origin's code when the archive is broken or ends too early
 */
export class TarReader {
  readonly #source: ByteSource;
  readonly #origin: TarOrigin;
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  readonly #extra = Buffer.alloc(MAX_PAX_BYTES);
  #globals: PaxRecords = new Map();
  #left = 0;
  #padding = 0;
  #at = 0;
  #path: BytePath = '';

  constructor(source: ByteSource, origin: TarOrigin) {
    this.#source = source;
    this.#origin = origin;
  }

  /** The next member, whatever is left of the present one skipped; undefined at the end marker. */
  next(): TarMember | undefined {
    this.#skip(this.#left + this.#padding);
    this.#left = this.#padding = 0;
    const extras: Extras = { records: this.#globals };
    for (;;) {
      const header = this.#header();
      if (header === undefined) return undefined;
      const type = typeOf(this.#block);
      if (this.#takeExtras(type, header, extras)) continue;
      const member = this.#member(type, header, extras);
      this.#path = member.path;
      this.#left = hasContent(member.type) ? member.size : 0;
      this.#padding = paddingBytes(this.#left);
      return member;
    }
  }

  /** Content of the present member, as much as there is at once; none when it is at its end. */
  content(): Uint8Array {
    if (this.#left === 0) return NO_BYTES;
    const bytes = this.#source.peek();
    if (bytes.length === 0) throw this.#broken(`ends in the middle of ${toText(this.#path)}`);
    return bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
  }

  /** The first `count` bytes of what `content` returned are done with. */
  consumed(count: number): void {
    this.#source.consumed(count);
    this.#left -= count;
    this.#at += count;
  }

  #header(): HeaderNumbers | undefined {
    const count = readAll(this.#source, this.#block);
    this.#at += count;
    if (count === 0 && this.#at === 0) throw this.#broken('is empty');
    if (count < BLOCK_BYTES) throw this.#broken('ends without an end-of-archive marker');
    if (this.#block[0] === 0 && this.#block.every((byte) => byte === 0)) return undefined;
    const numbers = decodeNumbers(this.#block);
    if (numbers === undefined) {
      throw this.#broken(`has no tar header at byte ${this.#at - BLOCK_BYTES}`);
    }
    return numbers;
  }

  /** Whether the header is one that only tells about the next member. */
  #takeExtras(type: string, header: HeaderNumbers, extras: Extras): boolean {
    switch (type) {
      case 'x':
        extras.records = this.#withGlobals(this.#records(header));
        return true;
      case 'g':
        this.#globals = this.#withGlobals(this.#records(header));
        // POSIX: a path of all members makes no sense; git archive's comment is harmless.
        for (const key of ['path', 'linkpath', 'size']) this.#globals.delete(key);
        extras.records = this.#globals;
        return true;
      case 'L':
        extras.longPath = cutAtNul(this.#body(header));
        return true;
      case 'K':
        extras.longLink = cutAtNul(this.#body(header));
        return true;
      default:
        return false;
    }
  }

  #withGlobals(records: PaxRecords): PaxRecords {
    return this.#globals.size === 0 ? records : new Map([...this.#globals, ...records]);
  }

  #member(type: string, header: HeaderNumbers, { records, longPath, longLink }: Extras): TarMember {
    const block = this.#block;
    const size = this.#number(records.get('size'), header.size, 'size');
    const paxTime = records.get('mtime');
    const mtimeUs = paxTime === undefined ? header.mtimeSeconds * 1e6 : decodePaxTime(paxTime);
    if (mtimeUs === undefined) throw this.#broken(`has a bad mtime before byte ${this.#at}`);
    if (isSparse(type, records)) {
      throw this.#broken('has sparse files; write it without -S');
    }
    const member: TarMember = {
      path: records.get('path') ?? longPath ?? ustarPath(block),
      type,
      link: records.get('linkpath') ?? longLink ?? field(block, 157, 100),
      mode: header.mode,
      mtimeUs: Number.isSafeInteger(mtimeUs) ? mtimeUs : 0,
      size,
    };
    const kept = records.get(KEPT);
    if (kept !== undefined) member.kept = this.#number(kept, 0, 'count');
    return member;
  }

  #records(header: HeaderNumbers): PaxRecords {
    const records = decodePax(this.#body(header));
    if (records === undefined) throw this.#broken(`has a bad pax header before byte ${this.#at}`);
    return records;
  }

  /** The content of an extra header, bounded: its declared size is not believed. */
  #body(header: HeaderNumbers): string {
    const size = this.#number(undefined, header.size, 'size');
    if (size > MAX_PAX_BYTES) {
      throw this.#broken(`has a header of ${size} bytes, ${MAX_PAX_BYTES} are possible`);
    }
    const bytes = this.#extra.subarray(0, size);
    const count = readAll(this.#source, bytes);
    this.#at += count;
    if (count < size) throw this.#broken('ends in the middle of a header');
    this.#skip(paddingBytes(size));
    return bytes.toString('latin1');
  }

  #number(text: string | undefined, value: number, what: string): number {
    const number = text === undefined ? value : parseDecimal(text);
    if (!Number.isSafeInteger(number) || number < 0) {
      throw this.#broken(`has a bad ${what} before byte ${this.#at}`);
    }
    return number;
  }

  #skip(count: number): void {
    let left = count;
    while (left > 0) {
      const bytes = this.#source.peek();
      if (bytes.length === 0) throw this.#broken(`ends in the middle of ${toText(this.#path)}`);
      const step = Math.min(bytes.length, left);
      this.#source.consumed(step);
      this.#at += step;
      left -= step;
    }
  }

  #broken(what: string): CtxsyncError {
    return new CtxsyncError(this.#origin.code, `${this.#origin.name} ${what}`);
  }
}

const NO_BYTES = new Uint8Array(0);

/** Number() alone would take '' for 0, and "0x10" and "1e3" too. */
function parseDecimal(text: string): number {
  return /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
}

interface Extras {
  records: PaxRecords;
  longPath?: BytePath;
  longLink?: BytePath;
}

/** GNU's sparse files: by type in its own format, by records in pax. */
function isSparse(type: string, records: PaxRecords): boolean {
  if (type === 'S') return true;
  for (const key of records.keys()) if (key.startsWith('GNU.sparse.')) return true;
  return false;
}

/** Only files have content; some tars write a size for other types, without any bytes behind it. */
function hasContent(type: string): boolean {
  return !['1', '2', '3', '4', '5', '6'].includes(type);
}

/** The typeflag; a file's may also be NUL (before POSIX) or 7 (contiguous). */
function typeOf(block: Buffer): string {
  const type = String.fromCharCode(block[156]!);
  return type === '\0' || type === '7' ? '0' : type;
}

/** Name with its prefix. GNU's own magic ("ustar  ") has times where ustar has the prefix. */
function ustarPath(block: Buffer): BytePath {
  const name = field(block, 0, 100);
  const prefix = field(block, 345, 155);
  const isUstar = prefix !== '' && block.toString('latin1', 257, 263) === 'ustar\0';
  return isUstar ? `${prefix}/${name}` : name;
}

/** A text field's bytes up to the first NUL, if it has one. Most are short, or empty. */
function field(block: Buffer, offset: number, length: number): string {
  let end = offset;
  while (end < offset + length && block[end] !== 0) end++;
  return end === offset ? '' : block.toString('latin1', offset, end);
}

function cutAtNul(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}
