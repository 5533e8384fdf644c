import { BLOCK_BYTES, decodeNumbers } from '../tar/header-block.ts';
import { CtxsyncError } from '../errors.ts';

/** Bytes at the start that are enough to recognize the format. */
export const FORMAT_BYTES = BLOCK_BYTES;

/** First bytes of formats that are mistaken for a tar, or that contain one. */
const OTHERS: { magic: string; what: string; advice: string }[] = [
  compressed('bzip2', 'BZh'),
  compressed('xz', '\xfd7zXZ\0'),
  compressed('zstd', '\x28\xb5\x2f\xfd'),
  compressed('lz4', '\x04\x22\x4d\x18'),
  compressed('lzip', 'LZIP'),
  compressed('compress', '\x1f\x9d'),
  archive('zip', 'PK\x03\x04'),
  archive('7z', '7z\xbc\xaf\x27\x1c'),
  archive('ar', '!<arch>\n'),
  archive('cpio', '070701'),
  archive('cpio', '070702'),
  archive('cpio', '070707'),
  archive('cpio', '\xc7\x71'),
  // What PowerShell's > and | turn bytes into.
  {
    magic: '\xff\xfe',
    what: 'is UTF-16 text',
    advice: 'PowerShell makes that of a tar: pipe it in another shell',
  },
];

const GZIP = '\x1f\x8b';

/**
 * Whether the data is compressed with gzip; otherwise it is read as a plain tar.
 *
 * @param head the first FORMAT_BYTES, or everything if there is less
 * @throws CtxsyncError source-unreadable when it is known to be something else
 */
export function isGzip(head: Buffer): boolean {
  const text = head.toString('latin1');
  if (text.startsWith(GZIP)) return true;
  const other = OTHERS.find(({ magic }) => text.startsWith(magic));
  // The name of a tar's first member may begin with "BZh" or "070701" as well.
  const isTar = head.length === BLOCK_BYTES && decodeNumbers(head) !== undefined;
  if (other === undefined || isTar) return false;
  const { what, advice } = other;
  throw new CtxsyncError('source-unreadable', `the tar ${what}; ${advice}`);
}

function compressed(name: string, magic: string): (typeof OTHERS)[number] {
  const what = `is compressed with ${name}`;
  return { magic, what, advice: 'only plain and gzip are read, so decompress it first' };
}

function archive(name: string, magic: string): (typeof OTHERS)[number] {
  return { magic, what: `is a ${name} archive`, advice: 'only tars are read, plain or gzip' };
}
