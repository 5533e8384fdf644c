import { CtxsyncError } from '../errors.ts';
import { MAX_PAYLOAD_BYTES } from '../limits.ts';
import { requirePackage } from '../require-package.ts';
import { protocolError } from './protocol-error.ts';

/** A format in which the payload of DATA can travel: gzip (RFC 1952) or Zstandard (RFC 8878). */
export type Codec = 'gzip' | 'zstd';

/** The flags of a DATA frame that is compressed. */
export const CODEC_FLAGS = { gzip: 0x01, zstd: 0x02 } as const satisfies Record<Codec, number>;

/** Zlib's default, 6, saves a tenth more bytes and takes 1.7 times as long (measured on source code). */
const GZIP_LEVEL = 3;
/** Zstandard's window. A frame's payload fits into it, so a reader need not allocate more. */
const ZSTD_WINDOW_LOG = Math.log2(MAX_PAYLOAD_BYTES);

/**
 * One frame's payload, compressed by itself: frames of several streams alternate, and each is compressed
 * only where that pays.
 *
 * @param codec one that this Node has
 */
export function compress(codec: Codec, bytes: Uint8Array): Uint8Array {
  const { gzipSync, zstdCompressSync, constants } = zlib();
  if (codec === 'gzip') return gzipSync(bytes, { level: GZIP_LEVEL });
  return zstdCompressSync!(bytes, { params: { [constants.ZSTD_c_windowLog!]: ZSTD_WINDOW_LOG } });
}

/**
 * The payload again: never more than MAX_PAYLOAD_BYTES, whatever the bytes claim.
 *
 * @param flags of the frame
 * @param at bytes of the connection before the frame
 * @throws CtxsyncError 'corrupt'; 'version-mismatch' when this Node does not have the codec
 */
export function decompress(flags: number, bytes: Uint8Array, at: number): Uint8Array {
  const { gunzipSync, zstdDecompressSync, constants } = zlib();
  const limit = { maxOutputLength: MAX_PAYLOAD_BYTES };
  if (flags === CODEC_FLAGS.gzip) return checked(() => gunzipSync(bytes, limit), at);
  if (zstdDecompressSync === undefined) throw lacksZstd();
  const params = { [constants.ZSTD_d_windowLogMax!]: ZSTD_WINDOW_LOG };
  return checked(() => zstdDecompressSync(bytes, { params, ...limit }), at);
}

function checked(run: () => Uint8Array, at: number): Uint8Array {
  let payload;
  try {
    payload = run();
  } catch {
    throw protocolError('a DATA whose payload cannot be decompressed', at);
  }
  if (payload.length === 0) throw protocolError('an empty DATA', at);
  return payload;
}

/** To be expected one way only, where a sender does not know its receiver. */
function lacksZstd(): CtxsyncError {
  const message = 'the sender compresses with zstd, which needs Node 22.15 or later on this side';
  return new CtxsyncError('version-mismatch', message, { remedy: 'compress' });
}

type Compress = (
  bytes: Uint8Array,
  options: { params: Record<number, number>; maxOutputLength?: number },
) => Uint8Array;

/** Zstandard came with Node 22.15; our types are those of Node 20. */
interface Zlib extends Pick<typeof import('node:zlib'), 'gzipSync' | 'gunzipSync'> {
  zstdCompressSync?: Compress;
  zstdDecompressSync?: Compress;
  constants: { ZSTD_c_windowLog?: number; ZSTD_d_windowLogMax?: number };
}

let loaded: Zlib | undefined;

/** Loaded when it is needed: that takes 2 ms. */
function zlib(): Zlib {
  return (loaded ??= requirePackage('node:zlib') as Zlib);
}
