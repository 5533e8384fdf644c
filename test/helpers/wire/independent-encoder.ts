import { createCipheriv, createHash, randomBytes, type CipherGCM } from 'node:crypto';

/**
 * The frames of the wire, version 2, written from PROTOCOL.md alone: it shares no code with `src`, checks
 * nothing, and so can encode what no sender or receiver of ours would.
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

/** Header fields in place of the correct ones. */
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

/** A frame that contains JSON; text is written as it is. */
export function encodeControl(
  type: number,
  stream: number,
  body: object | string,
  changes?: HeaderChanges,
): Buffer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return encodeFrame(type, stream, Buffer.from(text), changes);
}

/** The CRC-32 of IEEE 802.3, bit by bit. */
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

/** One end of a session: counts and digests what it encodes, as END and FIN require. */
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
      minVersion: 2,
      maxVersion: 2,
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

  /** Magic, HELLO, these streams one after another, and FIN. */
  whole(
    ...streams: readonly (readonly [
      kind: string,
      name: string,
      bytes: Uint8Array,
      extra?: object,
    ])[]
  ): Buffer {
    const parts = streams.map((stream) => this.stream(...stream));
    return Buffer.concat([this.start(), ...parts, this.fin()]);
  }

  /** OPEN, DATA and END of a stream. */
  stream(kind: string, name: string, bytes: Uint8Array, extra: object = {}): Buffer {
    const { id, frame } = this.open(kind, name, extra);
    return Buffer.concat([frame, this.data(id, bytes), this.end(id)]);
  }

  /** @param extra more fields of OPEN */
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

/** The complete frames that a peer sent, from its magic on. */
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
