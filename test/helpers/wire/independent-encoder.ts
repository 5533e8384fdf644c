import { createCipheriv, createHash, randomBytes, type CipherGCM } from 'node:crypto';

/**
 * The wire, version 1, and the tar and records that travel on it, written from PROTOCOL.md alone: it
 * shares no code with `src`, checks nothing, and so can say what no sender or receiver of ours would.
 */

export const MAGIC = Buffer.from([0x89, 0x43, 0x54, 0x58, 0x53, 0x0d, 0x0a, 0x0a]);

export const FRAME = {
  HELLO: 1,
  OPEN: 2,
  DATA: 3,
  END: 4,
  CREDIT: 5,
  BEAT: 6,
  FIN: 7,
  RECEIPT: 8,
  ERROR: 9,
} as const;

const HEADER_BYTES = 16;
const MAX_DATA_BYTES = 256 * 1024;

/** What a header says in place of the truth. */
export interface HeaderChanges {
  flags?: number;
  /** Low bits of the stream's byte offset. */
  offset?: number;
  length?: number;
  crc?: number;
}

/** One frame. */
export function encodeFrame(
  type: number,
  stream: number,
  payload: Uint8Array,
  { flags = 0, offset = 0, length = payload.length, crc }: HeaderChanges = {},
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(length >>> 0, 0);
  header[4] = type;
  header[5] = flags;
  header.writeUInt16BE(stream & 0xffff, 6);
  header.writeUInt32BE(offset >>> 0, 8);
  const ofHeader = crc32(header.subarray(0, 12));
  const right = type === FRAME.DATA ? ofHeader : crc32(payload, ofHeader);
  header.writeUInt32BE((crc ?? right) >>> 0, 12);
  return Buffer.concat([header, payload]);
}

/** A frame with JSON in it; text goes in as it is. */
export function encodeControl(
  type: number,
  stream: number,
  body: object | string,
  changes?: HeaderChanges,
): Buffer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return encodeFrame(type, stream, Buffer.from(text), changes);
}

/** IEEE 802.3's, bit by bit. */
function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

export interface SessionOptions {
  role?: 'sender' | 'receiver';
  mode?: 'oneway' | 'duplex';
  /** 32 hexadecimal digits. */
  transferId?: string;
  /** Bytes. */
  credit?: number;
  contexts?: readonly string[];
  /** Changes to HELLO. */
  hello?: object;
}

/** One end of a session: counts and digests what it encodes, as END and FIN have to tell. */
export class SessionEncoder {
  readonly #transferId: string;
  readonly #hello: object;
  readonly #streams = new Map<number, { bytes: number; gmac: CipherGCM }>();
  readonly #ends: { id: number; bytes: number; gmac: string }[] = [];
  #nextId = 1;

  constructor({
    role = 'sender',
    mode = 'oneway',
    transferId = randomBytes(16).toString('hex'),
    credit = mode === 'duplex' ? 4 * 2 ** 20 : 0,
    contexts,
    hello = {},
  }: SessionOptions = {}) {
    this.#transferId = transferId;
    this.#hello = {
      minVersion: 1,
      maxVersion: 1,
      role,
      mode,
      transferId,
      credit,
      beatIntervalMs: 1000,
      showsProgress: false,
      capabilities: [],
      contexts,
      ...hello,
    };
  }

  /** Magic and HELLO. */
  start(): Buffer {
    return Buffer.concat([MAGIC, encodeControl(FRAME.HELLO, 0, this.#hello)]);
  }

  /** Magic, HELLO, these streams one after the other, and FIN. */
  whole(...streams: readonly (readonly [kind: string, name: string, bytes: Uint8Array])[]): Buffer {
    const parts = streams.map((stream) => this.stream(...stream));
    return Buffer.concat([this.start(), ...parts, this.fin()]);
  }

  /** OPEN, DATA and END of a stream. */
  stream(kind: string, name: string, bytes: Uint8Array): Buffer {
    const { id, frame } = this.open(kind, name);
    return Buffer.concat([frame, this.data(id, bytes), this.end(id)]);
  }

  /** @param extra what else OPEN says */
  open(kind: string, name: string, extra: object = {}): { id: number; frame: Buffer } {
    const id = this.#nextId++;
    const nonce = Buffer.alloc(12);
    nonce.writeUInt16BE(id, 10);
    const gmac = createCipheriv('aes-128-gcm', Buffer.from(this.#transferId, 'hex'), nonce);
    this.#streams.set(id, { bytes: 0, gmac });
    return { id, frame: encodeControl(FRAME.OPEN, id, { kind, name, ...extra }) };
  }

  data(id: number, bytes: Uint8Array, pieceBytes = MAX_DATA_BYTES): Buffer {
    const stream = this.#streams.get(id)!;
    const frames: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      frames.push(encodeFrame(FRAME.DATA, id, piece, { offset: stream.bytes % 2 ** 32 }));
      stream.bytes += piece.length;
      stream.gmac.setAAD(piece);
    }
    return Buffer.concat(frames);
  }

  end(id: number): Buffer {
    const { bytes, gmac } = this.#streams.get(id)!;
    gmac.final();
    const tag = gmac.getAuthTag().toString('hex');
    this.#ends.push({ id, bytes, gmac: tag });
    const offset = bytes % 2 ** 32;
    return encodeControl(FRAME.END, id, { bytes, gmac: tag }, { offset });
  }

  fin(): Buffer {
    const digest = createHash('sha256');
    const ends = this.#ends.toSorted((a, b) => a.id - b.id);
    for (const { id, bytes, gmac } of ends) digest.update(`${id} ${bytes} ${gmac}\n`);
    const total = ends.reduce((sum, { bytes }) => sum + bytes, 0);
    const body = { streams: ends.length, bytes: total, digest: digest.digest('hex') };
    return encodeControl(FRAME.FIN, 0, body);
  }
}

export interface Frame {
  type: number;
  stream: number;
  payload: Buffer;
}

/** The whole frames of what a peer said, from its magic on. */
export function parseFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = MAGIC.length; at + HEADER_BYTES <= bytes.length;) {
    const end = at + HEADER_BYTES + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    const payload = bytes.subarray(at + HEADER_BYTES, end);
    frames.push({ type: bytes[at + 4]!, stream: bytes.readUInt16BE(at + 6), payload });
    at = end;
  }
  return frames;
}

export interface TarMember {
  path: string;
  /** ustar's typeflag. */
  type?: string;
  mode?: number;
  /** Bytes that the header declares. */
  size?: number;
  /** Seconds since 1970. */
  mtime?: number;
  link?: string;
  content?: string | Uint8Array;
}

const BLOCK_BYTES = 512;

/** Two zero blocks: a tar's end. */
export const TAR_END = Buffer.alloc(2 * BLOCK_BYTES);

/** A tree stream: a root, these members, and the end. */
export function encodeTar(members: readonly TarMember[]): Buffer {
  const root: TarMember = { path: './', type: '5', mode: 0o755 };
  return Buffer.concat([...[root, ...members].map(encodeTarMember), TAR_END]);
}

/** A member's header, with a pax header before it where its names need one, and its content. */
export function encodeTarMember(member: TarMember): Buffer {
  const { path, link = '', content = '' } = member;
  const bytes = Buffer.from(content);
  const body = Buffer.concat([bytes, Buffer.alloc((BLOCK_BYTES - (bytes.length % 512)) % 512)]);
  const size = member.content === undefined ? (member.size ?? 0) : bytes.length;
  const plain = [path, link].every((name) => /^[ -~]{0,99}$/.test(name));
  if (plain) return Buffer.concat([tarHeader({ ...member, size }), body]);
  const records = paxRecord('path', path) + (link === '' ? '' : paxRecord('linkpath', link));
  const pax = encodeTarMember({ path: 'PaxHeader/entry', type: 'x', content: records });
  return Buffer.concat([pax, tarHeader({ ...member, size, path: 'entry' }), body]);
}

function tarHeader(member: TarMember): Buffer {
  const { path, type = '0', mode = 0o644, size = 0, mtime = 1_700_000_000, link = '' } = member;
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(path, 0, 99, 'latin1');
  header.write(`${octal(mode & 0o7777, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100, 'latin1');
  header.write(`${octal(size, 11)}\0${octal(mtime, 11)}\0`, 124, 'latin1');
  header.write(`        ${type}`, 148, 'latin1');
  header.write(link, 157, 99, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function paxRecord(key: string, value: string): string {
  const bytes = Buffer.byteLength(` ${key}=${value}\n`);
  let length = bytes + 1;
  while (String(length).length + bytes !== length) length = String(length).length + bytes;
  return `${length} ${key}=${value}\n`;
}

export interface ManifestRecord {
  /** f file, n file with several names, d directory, l symlink, h hardlink. */
  kind: string;
  path: string;
  /** Octal digits. */
  mode?: string;
  /** Microseconds since 1970. */
  mtime?: number;
  size?: number;
  link?: string;
  /** Bytes of the record before that its path begins with; the path is cut by as many. */
  shared?: number;
  /** 8 hex digits. */
  stamp?: string;
  sha256?: string;
}

/** A manifest stream. The root is a record too, with the path ''. */
export function encodeManifest(records: readonly ManifestRecord[]): Buffer {
  const text = records.map((record) => {
    const { kind, path, mode = '644', mtime = 17e14, size = 0, link, shared = 0 } = record;
    const { stamp = '00000000', sha256 } = record;
    const head = [`${kind}${mode}`, mtime, size, shared, stamp];
    if (sha256 !== undefined) head.push(sha256);
    const names = [path.slice(shared), ...(link === undefined ? [] : [link])];
    return [head.join(' '), ...names].map((each) => `${each}\0`).join('');
  });
  return Buffer.from(text.join(''), 'latin1');
}

export interface WantRecord {
  /** f file, d directory, l symlink, h hardlink. */
  kind: string;
  path: string;
  /** The manifest's. */
  stamp?: string;
  /** Of content that the receiver has already. */
  sha256?: string;
}

/** A want stream. */
export function encodeWants(wants: readonly WantRecord[]): Buffer {
  const text = wants.map(({ kind, path, stamp = '00000000', sha256 }) => {
    const sign = sha256 === undefined ? '+' : `=${sha256}`;
    return `${kind}${stamp}${sign}${path}\0`;
  });
  return Buffer.from(text.join(''), 'latin1');
}
