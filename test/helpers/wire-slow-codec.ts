/** The frame format a second time: slow, plain, and written from PROTOCOL.md alone. */

export interface SlowFrame {
  type: number;
  flags?: number;
  stream?: number;
  offset?: number;
  /** Text stands for its UTF-8, an object for its JSON. */
  payload?: Uint8Array | string | object;
  /** Said in place of the payload's length. */
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

/** Bit by bit, as the polynomial division that it is. */
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
