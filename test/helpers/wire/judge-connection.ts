import { createCipheriv, createHash } from 'node:crypto';
import { FRAME, MAGIC } from './independent-encoder.ts';

/**
 * What PROTOCOL.md requires of the bytes of one direction, read as a whole and with no code of `src`:
 * slow, plain, and independent of how they arrive.
 */

/** The side that reads, and what it knows. */
export type Reader = ReceivingSide | SendingSide;

interface Both {
  /** Bytes that were granted to each stream of a duplex connection. */
  grant: number;
  /** Streams that this side has opened itself. */
  streams: number;
}

interface ReceivingSide extends Both {
  side: 'receiver';
}

interface SendingSide extends Both {
  side: 'sender';
  transferId: string;
  /** The digest of FIN, if it was sent: every stream of this side has ended by then. */
  digest: string | undefined;
  /** Names of contexts whose wants this side asked for. */
  asked: readonly string[];
}

export interface Judgement {
  /** 'whole' with FIN, 'receipt', 'error' with the peer's ERROR, or the code of the failure. */
  verdict: string;
  /** Bytes before the frame that broke a rule. */
  at?: number | undefined;
  streams: readonly JudgedStream[];
}

export interface JudgedStream {
  id: number;
  kind: string;
  name: string;
  all: boolean;
  bytes: Buffer;
  ended: boolean;
}

/** For comparison: vitest takes a thousand times as long over the elements of a buffer. */
export function plainly({ verdict, at, streams }: Judgement): object {
  const texts = streams.map((stream) => ({ ...stream, bytes: stream.bytes.toString('latin1') }));
  return { verdict, at, streams: texts };
}

export function judgeConnection(bytes: Buffer, reader: Reader): Judgement {
  const judge = new Judge(bytes, reader);
  try {
    return { verdict: judge.run(), streams: judge.streams };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    const { code, at } = error;
    return { verdict: code, ...(at === undefined ? {} : { at }), streams: judge.streams };
  }
}

/** What a BEAT may report about the work of the transfer. */
const PLAN_KEYS = [
  'totalEntries',
  'totalBytes',
  'wholeEntries',
  'wholeBytes',
  'comparedEntries',
  'comparedBytes',
  'wantedEntries',
  'wantedBytes',
];

class Broken extends Error {
  readonly code: string;
  readonly at: number | undefined;

  constructor(code: string, at?: number) {
    super(code);
    this.code = code;
    this.at = at;
  }
}

type Fields = Record<string, unknown>;

interface Header {
  length: number;
  type: number;
  flags: number;
  stream: number;
  offset: number;
  checksum: number;
}

const HEADER_BYTES = 16;
const MAX_DATA = 262_144;
const MAX_CONTROL = 16_384;
const ON_A_STREAM = new Set<number>([FRAME.OPEN, FRAME.DATA, FRAME.END, FRAME.CREDIT]);
const WITH_OFFSET = new Set<number>([FRAME.DATA, FRAME.END]);

class Judge {
  readonly streams: JudgedStream[] = [];
  readonly #bytes: Buffer;
  readonly #reader: Reader;
  readonly #ends = new Map<number, { bytes: number; gmac: string }>();
  readonly #limits = new Map<number, number>();
  readonly #asked: string[];
  #said: 'magic' | 'HELLO' | 'FIN' | 'ERROR' = 'magic';
  #duplex = false;
  #transferId = '';
  #firstLimit = 0;
  #at = MAGIC.length;

  constructor(bytes: Buffer, reader: Reader) {
    this.#bytes = bytes;
    this.#reader = reader;
    this.#asked = reader.side === 'sender' ? [...reader.asked] : [];
  }

  run(): string {
    this.#magic();
    for (;;) {
      const header = this.#header();
      if (header === undefined) return this.#end();
      const payload = this.#payload(header);
      if (payload === undefined) return this.#end();
      this.#frame(header, payload);
      if (this.#said === 'ERROR' && this.#reader.side === 'sender') return 'error';
      if (this.#receipt) return 'receipt';
      this.#at += HEADER_BYTES + payload.length;
    }
  }

  #receipt = false;

  #magic(): void {
    const came = this.#bytes.subarray(0, MAGIC.length);
    if (!came.equals(MAGIC.subarray(0, came.length))) throw new Broken('not-ctxsync');
    if (came.length < MAGIC.length) throw new Broken(this.#lost());
  }

  #end(): string {
    if (this.#said === 'FIN') return 'whole';
    if (this.#said === 'ERROR') return 'error';
    throw new Broken(this.#lost());
  }

  #lost(): string {
    if (this.#reader.side === 'receiver') return 'truncated';
    return this.#reader.digest === undefined ? 'peer-gone' : 'outcome-unknown';
  }

  #header(): Header | undefined {
    const { buffer, byteOffset, length } = this.#bytes;
    if (length - this.#at < HEADER_BYTES) return undefined;
    const view = new DataView(buffer, byteOffset + this.#at, HEADER_BYTES);
    const header: Header = {
      length: view.getUint32(0),
      type: view.getUint8(4),
      flags: view.getUint8(5),
      stream: view.getUint16(6),
      offset: view.getUint32(8),
      checksum: view.getUint32(12),
    };
    const { type } = header;
    if (header.length > (type === FRAME.DATA ? MAX_DATA : MAX_CONTROL)) this.#broken();
    if (type >= 0x80) return header;
    if (type < FRAME.HELLO || type > FRAME.ERROR || header.flags !== 0) this.#broken();
    if (ON_A_STREAM.has(type) !== header.stream > 0) this.#broken();
    if (header.offset > 0 && !WITH_OFFSET.has(type)) this.#broken();
    if (type === FRAME.DATA) {
      if (header.length === 0) this.#broken();
      this.#checksum(header, Buffer.alloc(0));
      this.#order(header);
      this.#beginData(header);
    }
    return header;
  }

  /** Undefined if the connection ends within it. */
  #payload(header: Header): Buffer | undefined {
    const from = this.#at + HEADER_BYTES;
    const payload = this.#bytes.subarray(from, from + header.length);
    if (header.type === FRAME.DATA) {
      const stream = this.#streamOf(header);
      stream.bytes = Buffer.concat([stream.bytes, payload]);
    }
    if (payload.length < header.length) return undefined;
    if (header.type !== FRAME.DATA) {
      this.#checksum(header, payload);
      this.#order(header);
    }
    return payload;
  }

  #checksum({ checksum }: Header, payload: Buffer): void {
    const covered = [this.#bytes.subarray(this.#at, this.#at + 12), payload];
    if (crc32(Buffer.concat(covered)) !== checksum) this.#broken();
  }

  /** The table of section 4. */
  #order({ type }: Header): void {
    if (this.#said === 'ERROR') this.#broken();
    if ((type === FRAME.HELLO) !== (this.#said === 'magic')) this.#broken();
    if (type >= 0x80 || type === FRAME.BEAT || type === FRAME.ERROR) return;
    if (this.#said === 'FIN' && !(type === FRAME.CREDIT && this.#duplex)) this.#broken();
  }

  #frame(header: Header, payload: Buffer): void {
    if (header.type === FRAME.DATA || header.type >= 0x80) return;
    if (header.type === FRAME.CREDIT) this.#require(this.#duplex);
    if (header.type === FRAME.RECEIPT) {
      this.#require(this.#duplex && this.#reader.side === 'sender');
    }
    const fields = this.#json(payload);
    switch (header.type) {
      case FRAME.HELLO:
        return this.#hello(fields);
      case FRAME.OPEN:
        return this.#open(header, fields);
      case FRAME.END:
        return this.#endOf(header, fields);
      case FRAME.CREDIT:
        return this.#credit(header, fields);
      case FRAME.BEAT:
        return this.#beat(fields);
      case FRAME.FIN:
        return this.#fin(fields);
      case FRAME.RECEIPT:
        return this.#receiptOf(fields);
      default:
        return this.#error(fields);
    }
  }

  #hello(fields: Fields): void {
    const [min, max] = [this.#count(fields['minVersion']), this.#count(fields['maxVersion'])];
    if (min > 2 || max < 2) throw new Broken('version-mismatch');
    const { role, mode, transferId, showsProgress, capabilities, contexts } = fields;
    this.#require(role === 'sender' || role === 'receiver');
    this.#require(mode === 'oneway' || mode === 'duplex');
    this.#require(isHex(transferId, 32));
    const credit = this.#count(fields['credit']);
    this.#require(mode === 'duplex' || credit === 0);
    this.#count(fields['beatIntervalMs']);
    this.#require(typeof showsProgress === 'boolean');
    this.#require(isListOf(capabilities, 32, (each) => /^[a-z0-9-]{1,64}$/.test(each)));
    this.#require(contexts === undefined || isListOf(contexts, 8, isName));
    this.#require(contexts === undefined || new Set(contexts as string[]).size === contexts.length);
    if (this.#reader.side === 'sender') {
      const right = role === 'receiver' && mode === 'duplex';
      if (!right || transferId !== this.#reader.transferId) throw new Broken('corrupt');
    }
    this.#said = 'HELLO';
    this.#duplex = mode === 'duplex';
    this.#transferId = transferId;
    this.#firstLimit = credit;
  }

  #open({ stream: id }: Header, { kind, name, all, unordered }: Fields): void {
    this.#require(id === this.streams.length + 1);
    this.#require(this.streams.filter(({ ended }) => !ended).length < 8);
    this.#require(kind === 'tree' || kind === 'manifest' || kind === 'want');
    this.#require(typeof name === 'string' && isName(name));
    this.#require(all === undefined || typeof all === 'boolean');
    this.#require(unordered === undefined || typeof unordered === 'boolean');
    if (this.#reader.side === 'sender') {
      const asked = this.#asked.indexOf(name);
      if (kind !== 'want' || asked < 0) throw new Broken('corrupt');
      this.#asked.splice(asked, 1);
    }
    const bytes = Buffer.alloc(0);
    this.streams.push({ id, kind, name, all: all === true, bytes, ended: false });
  }

  #beginData(header: Header): void {
    const stream = this.#streamOf(header);
    this.#require(header.offset === stream.bytes.length % 2 ** 32);
    this.#require(!(stream.kind === 'want' && stream.all));
    const room = this.#duplex ? this.#reader.grant - stream.bytes.length : Infinity;
    this.#require(header.length <= room);
  }

  #endOf(header: Header, fields: Fields): void {
    const stream = this.#streamOf(header);
    this.#require(header.offset === stream.bytes.length % 2 ** 32);
    const bytes = this.#count(fields['bytes']);
    const gmac = fields['gmac'];
    this.#require(isHex(gmac, 32));
    this.#require(bytes === stream.bytes.length);
    this.#require(gmac === gmacOf(this.#transferId, stream));
    this.#ends.set(stream.id, { bytes, gmac });
    stream.ended = true;
  }

  #credit({ stream: id }: Header, fields: Fields): void {
    const limit = this.#count(fields['limit']);
    const reader = this.#reader;
    this.#require(id <= reader.streams);
    // Every stream has ended, so it comes late and is ignored.
    if (reader.side === 'sender' && reader.digest !== undefined) return;
    this.#require(limit >= (this.#limits.get(id) ?? this.#firstLimit));
    this.#limits.set(id, limit);
  }

  #beat(fields: Fields): void {
    const { state, path } = fields;
    this.#require(typeof state === 'string' && typeof path === 'string');
    for (const key of ['stateAgeMs', 'entries', 'bytes', 'waitedMs']) this.#count(fields[key]);
    for (const key of PLAN_KEYS) if (fields[key] !== undefined) this.#count(fields[key]);
    this.#require(['boolean', 'undefined'].includes(typeof fields['isCompared']));
  }

  #fin(fields: Fields): void {
    const [streams, bytes] = [this.#count(fields['streams']), this.#count(fields['bytes'])];
    const { digest } = fields;
    this.#require(isHex(digest, 64));
    this.#require(this.streams.every(({ ended }) => ended));
    const ends = [...this.#ends].toSorted(([a], [b]) => a - b);
    const lines = ends.map(([id, end]) => `${id} ${end.bytes} ${end.gmac}\n`);
    this.#require(streams === ends.length);
    this.#require(bytes === ends.reduce((sum, [, end]) => sum + end.bytes, 0));
    this.#require(digest === createHash('sha256').update(lines.join('')).digest('hex'));
    // A receiver's last frame is RECEIPT.
    if (this.#reader.side === 'sender') throw new Broken('corrupt');
    this.#said = 'FIN';
  }

  #receiptOf(fields: Fields): void {
    const { transferId, digest, written, unchanged, removed } = fields;
    this.#require(isHex(transferId, 32) && isHex(digest, 64));
    for (const count of [written, unchanged, removed]) if (count !== undefined) this.#count(count);
    this.#require(this.streams.every(({ ended }) => ended));
    const reader = this.#reader as SendingSide;
    if (transferId !== reader.transferId || digest !== reader.digest) throw new Broken('corrupt');
    this.#receipt = true;
  }

  #error({ code, origin, message, path }: Fields): void {
    this.#count(code);
    this.#require(origin === 'sender' || origin === 'receiver');
    this.#require(typeof message === 'string');
    this.#require(path === undefined || typeof path === 'string');
    this.#said = 'ERROR';
  }

  #streamOf({ stream: id }: Header): JudgedStream {
    const stream = this.streams[id - 1];
    if (stream === undefined || stream.ended) return this.#broken();
    return stream;
  }

  #json(payload: Buffer): Fields {
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
      const value: unknown = JSON.parse(text);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) this.#broken();
      // Own keys, whatever their names.
      return Object.assign(Object.create(null) as Fields, value);
    } catch (error) {
      if (error instanceof Broken) throw error;
      return this.#broken();
    }
  }

  #count(value: unknown): number {
    this.#require(typeof value === 'number' && Number.isInteger(value));
    this.#require(value >= 0 && value <= 2 ** 53 - 1);
    return value;
  }

  #require(rule: boolean): asserts rule {
    if (!rule) this.#broken();
  }

  #broken(): never {
    throw new Broken('corrupt', this.#at);
  }
}

function isHex(value: unknown, digits: number): value is string {
  return typeof value === 'string' && new RegExp(`^[0-9a-f]{${digits}}$`).test(value);
}

function isListOf(
  value: unknown,
  most: number,
  is: (each: string) => boolean,
): value is readonly string[] {
  if (!Array.isArray(value) || value.length > most) return false;
  return value.every((each: unknown) => typeof each === 'string' && is(each));
}

/** The name of a context: '' or one component of a path, in UTF-8. */
function isName(name: string): boolean {
  if (['.', '..'].includes(name) || name.includes('/') || name.includes('\0')) return false;
  return Buffer.from(name).toString() === name && Buffer.byteLength(name) <= 255;
}

function gmacOf(transferId: string, { id, bytes }: JudgedStream): string {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt16BE(id, 10);
  const gcm = createCipheriv('aes-128-gcm', Buffer.from(transferId, 'hex'), nonce);
  gcm.setAAD(bytes);
  gcm.final();
  return gcm.getAuthTag().toString('hex');
}

const CRC_OF_BYTE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** The CRC-32 of IEEE 802.3. */
function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = CRC_OF_BYTE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
