/** A tar written from POSIX alone, for `send -`: it shares no code with `src`. */

export interface TarMember {
  path: string;
  /** The typeflag of ustar. */
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

/** Two zero blocks: the end of a tar. */
export const TAR_END = Buffer.alloc(2 * BLOCK_BYTES);

/** A root, these members, and the end. */
export function encodeTar(members: readonly TarMember[]): Buffer {
  const root: TarMember = { path: './', type: '5', mode: 0o755 };
  return Buffer.concat([...[root, ...members].map(encodeTarMember), TAR_END]);
}

/** The header of a member, with a pax header before it if its names need one, and its content. */
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
