import { CtxsyncError } from '../errors.ts';
import { OUR_CODECS } from '../transfer/options.ts';
import { CompressionChoice } from '../wire/compression-choice.ts';

/** Whether what is sent is compressed, and how: SendOptions.compress. */
export type Compression = 'auto' | 'gzip' | 'none' | 'zstd';

/** All of them. */
export const COMPRESSIONS = [
  'auto',
  'zstd',
  'gzip',
  'none',
] as const satisfies readonly Compression[];

/** One way the receiver's codecs are unknown, but each has gzip. */
export function chooseOneWay(wanted: Compression): CompressionChoice {
  if (wanted === 'auto') return new CompressionChoice('gzip', false);
  return new CompressionChoice(wanted === 'none' ? undefined : wanted, true);
}

/**
 * @param capabilities those that the receiver announced
 * @throws CtxsyncError version-mismatch when it lacks the codec
 */
export function chooseDuplex(
  wanted: Compression,
  capabilities: readonly string[],
): CompressionChoice {
  if (wanted === 'none') return new CompressionChoice(undefined, true);
  if (wanted === 'auto') {
    return new CompressionChoice(
      OUR_CODECS.find((codec) => capabilities.includes(codec)),
      false,
    );
  }
  if (capabilities.includes(wanted)) return new CompressionChoice(wanted, true);
  throw new CtxsyncError('version-mismatch', `the receiver cannot read ${wanted}`, {
    remedy: 'compress',
  });
}

/** @throws CtxsyncError usage, as for whoever has no types */
export function checkCompression(wanted: Compression = 'auto'): void {
  if (!COMPRESSIONS.includes(wanted)) {
    throw new CtxsyncError('usage', `there is no compression "${wanted}"`);
  }
  if (wanted !== 'zstd' || OUR_CODECS.includes('zstd')) return;
  const message = `zstd needs Node 22.15 or later, and this is ${process.versions.node}`;
  throw new CtxsyncError('usage', message, { remedy: 'compress' });
}
