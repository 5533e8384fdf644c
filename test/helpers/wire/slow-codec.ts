import { createCipheriv } from 'node:crypto';
/** A second implementation of the frame format: slow, plain, and written from PROTOCOL.md alone. */

export interface SlowFrame {
  type: number;
  flags?: number;
  stream?: number;
  offset?: number;
  /** Text is encoded as UTF-8, an object as JSON. */
  payload?: Uint8Array | string | object;
  /** Written in place of the length of the payload. */
  length?: number;
}

export const SLOW_MAGIC = [0x89, ...Buffer.from('CTXS\r\n\n')];
const DATA = 3;

export function slowFrame(frame: SlowFrame): number[] {
  const payload = payloadBytes(frame.payload ?? []);
  const checked = [
    ...bigEndian(frame.length ?? payload.length, 4),
    ...bigEndian(frame.type, 1),
    ...bigEndian(frame.flags ?? 0, 1),
    ...bigEndian(frame.stream ?? 0, 2),
    ...bigEndian(frame.offset ?? 0, 4),
  ];
  const checksum = slowCrc32(frame.type === DATA ? checked : [...checked, ...payload]);
  return [...checked, ...bigEndian(checksum, 4), ...payload];
}

/** Bit by bit, as polynomial division. */
export function slowCrc32(bytes: Iterable<number>): number {
  let remainder = 0xffff_ffffn;
  for (const byte of bytes) {
    remainder ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) {
      remainder = remainder & 1n ? (remainder >> 1n) ^ 0xedb8_8320n : remainder >> 1n;
    }
  }
  return Number(remainder ^ 0xffff_ffffn);
}

function bigEndian(value: number, bytes: number): number[] {
  const digits = value.toString(16).padStart(bytes * 2, '0');
  return [...Buffer.from(digits, 'hex')];
}

function payloadBytes(payload: Uint8Array | string | object): number[] {
  if (payload instanceof Uint8Array || Array.isArray(payload)) return [...payload];
  return [...Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))];
}

/**
 * GMAC as NIST SP 800-38D defines it, bit by bit: GHASH over the bytes and their count, in GF(2^128),
 * XORed with the first block of the key stream.
 */
export function slowGmac(transferId: string, stream: number, bytes: Uint8Array): string {
  const key = Buffer.from(transferId, 'hex');
  const h = toNumber(encryptBlock(key, Buffer.alloc(16)));
  const counter = Buffer.alloc(16);
  counter.writeUInt16BE(stream, 10);
  counter.writeUInt32BE(1, 12);
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64BE(BigInt(bytes.length) * 8n);
  const padded = Buffer.alloc(Math.ceil(bytes.length / 16) * 16);
  padded.set(bytes);
  let hash = 0n;
  for (let at = 0; at < padded.length; at += 16) {
    hash = multiply(hash ^ toNumber(padded.subarray(at, at + 16)), h);
  }
  hash = multiply(hash ^ toNumber(lengths), h);
  const tag = hash ^ toNumber(encryptBlock(key, counter));
  return tag.toString(16).padStart(32, '0');
}

/** SP 800-38D, 6.3, algorithm 1: the leftmost bit is the coefficient of x^0. */
function multiply(x: bigint, y: bigint): bigint {
  let product = 0n;
  let v = y;
  for (let bit = 127n; bit >= 0n; bit--) {
    if (((x >> bit) & 1n) === 1n) product ^= v;
    v = (v & 1n) === 0n ? v >> 1n : (v >> 1n) ^ (0xe1n << 120n);
  }
  return product;
}

function encryptBlock(key: Uint8Array, block: Uint8Array): Buffer {
  return createCipheriv('aes-128-ecb', key, null).update(block);
}

function toNumber(block: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(block).toString('hex')}`);
}
