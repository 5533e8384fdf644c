const TABLE = Uint32Array.from({ length: 256 }, (_, index) => tableEntry(index));

/**
 * CRC-32 as in IEEE 802.3, zlib and PNG (reflected, polynomial 0xEDB88320). `zlib.crc32` would do, but
 * not every Node 20 has it.
 *
 * @param previous the CRC of the bytes before these
 * @returns unsigned, 32 bits
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous;
  for (let at = 0; at < bytes.length; at++) {
    crc = TABLE[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

function tableEntry(index: number): number {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
}
