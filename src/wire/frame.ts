import { MAX_CONTROL_BYTES, MAX_PAYLOAD_BYTES } from '../limits.ts';
import { CODEC_FLAGS } from './codec.ts';
import { protocolError } from './protocol-error.ts';
import { crc32 } from './crc32.ts';

/** The protocol versions that this code supports: PROTOCOL.md. */
export const MIN_VERSION = 2;
export const MAX_VERSION = 2;

/**
 * The first bytes of each direction, like PNG's signature: a byte with the high bit set, the name, and
 * line ends that any text mode on the way would change.
 */
export const MAGIC: Uint8Array = Uint8Array.of(0x89, 0x43, 0x54, 0x58, 0x53, 0x0d, 0x0a, 0x0a);

/** Bytes. */
export const HEADER_BYTES = 16;

/** Unknown frame types from this one up are checked and skipped. */
export const FIRST_SKIPPABLE = 0x80;

export const FrameType = {
  /** The role and the mode of its sender. The first frame, sent once. */
  hello: 1,
  /** A stream begins. */
  open: 2,
  /** 1 to MAX_PAYLOAD_BYTES bytes of a stream, as they are or compressed. */
  data: 3,
  /** A stream is complete: its byte count and digest. */
  end: 4,
  /** Duplex: the absolute byte limit of a stream of the other direction. */
  credit: 5,
  /** What the peer is doing. Never answered. */
  beat: 6,
  /** Every stream is complete. Only BEAT and ERROR may follow, on duplex also CREDIT. */
  fin: 7,
  /** Duplex: the transfer was committed. Only BEAT and ERROR may follow. */
  receipt: 8,
  /** Why the transfer failed. Nothing may follow. */
  error: 9,
} as const;

export interface FrameHeader {
  /** Bytes of payload. */
  length: number;
  type: number;
  flags: number;
  /** The stream's id, or 0: the connection itself. */
  stream: number;
  /** Bytes of the stream before this frame, modulo 2^32. 0 in all frames except DATA and END. */
  offset: number;
  /** CRC-32 of the header's first 12 bytes and, except in DATA, of the payload. */
  checksum: number;
}

const CHECKED_BYTES = 12;
const NAMES = new Map<number, string>(
  Object.entries(FrameType).map(([name, type]) => [type, name.toUpperCase()]),
);
const OF_A_STREAM: ReadonlySet<number> = new Set([
  FrameType.open,
  FrameType.data,
  FrameType.end,
  FrameType.credit,
]);
const DATA_FLAGS: ReadonlySet<number> = new Set(Object.values(CODEC_FLAGS));
const WITH_OFFSET: ReadonlySet<number> = new Set([FrameType.data, FrameType.end]);

/**
 * The header of a frame.
 *
 * @param offset bytes of the stream before the frame; truncated to 32 bits
 * @param payload included in the checksum, except for DATA
 * @param flags of DATA: its codec
 */
export function encodeHeader(
  type: number,
  stream: number,
  offset: number,
  payload: Uint8Array,
  flags = 0,
): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length);
  view.setUint8(4, type);
  view.setUint8(5, flags);
  view.setUint16(6, stream);
  view.setUint32(8, offset);
  view.setUint32(CHECKED_BYTES, frameChecksum(bytes, type === FrameType.data ? NONE : payload));
  return bytes;
}

/** A whole frame, in pieces; see encodeHeader. */
export function encodeFrame(
  type: number,
  stream: number,
  offset: number,
  payload: Uint8Array,
  flags = 0,
): Uint8Array[] {
  return [encodeHeader(type, stream, offset, payload, flags), payload];
}

/** @param bytes HEADER_BYTES of them */
export function decodeHeader(bytes: Uint8Array): FrameHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  return {
    length: view.getUint32(0),
    type: view.getUint8(4),
    flags: view.getUint8(5),
    stream: view.getUint16(6),
    offset: view.getUint32(8),
    checksum: view.getUint32(CHECKED_BYTES),
  };
}

/** The expected checksum of a frame. It excludes the payload of DATA, which END's digest covers. */
export function frameChecksum(header: Uint8Array, payload: Uint8Array): number {
  const ofHeader = crc32(header.subarray(0, CHECKED_BYTES));
  return payload.length === 0 ? ofHeader : crc32(payload, ofHeader);
}

/**
 * Rejects an invalid header before any payload is read, so that nothing waits or allocates for a
 * damaged or hostile length.
 *
 * @param at bytes of the connection before the frame
 * @throws CtxsyncError 'corrupt'
 */
export function checkHeader(header: FrameHeader, at: number): void {
  const name = frameName(header.type);
  const most = header.type === FrameType.data ? MAX_PAYLOAD_BYTES : MAX_CONTROL_BYTES;
  if (header.length > most) {
    throw protocolError(`${name} with ${header.length} bytes of payload, more than ${most}`, at);
  }
  if (header.type >= FIRST_SKIPPABLE) return;
  if (!NAMES.has(header.type)) throw protocolError(name, at);
  if (header.flags !== 0 && !(header.type === FrameType.data && DATA_FLAGS.has(header.flags))) {
    throw protocolError(`${name} with unknown flags ${header.flags}`, at);
  }
  if (OF_A_STREAM.has(header.type) !== header.stream > 0) {
    throw protocolError(`${name} on stream ${header.stream}`, at);
  }
  if (header.offset !== 0 && !WITH_OFFSET.has(header.type)) {
    throw protocolError(`${name} with offset ${header.offset}`, at);
  }
  if (header.type === FrameType.data && header.length === 0)
    throw protocolError('an empty DATA', at);
}

/** For messages. */
export function frameName(type: number): string {
  return NAMES.get(type) ?? `a frame of unknown type 0x${type.toString(16).padStart(2, '0')}`;
}

/** No payload. */
const NONE = new Uint8Array(0);
