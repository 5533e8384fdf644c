import { expect, test } from 'vitest';
import { checkCompression, chooseDuplex, chooseOneWay } from '../../src/send/compression.ts';
import { TRANSPORT_RATE_WRITES } from '../../src/limits.ts';
import { OUR_CODECS } from '../../src/transfer/options.ts';
import type { CompressionChoice } from '../../src/wire/compression-choice.ts';
import { captureError } from '../helpers/capture-error.ts';

const [BEST] = OUR_CODECS;

function writeSlowly(choice: CompressionChoice): void {
  for (let writes = 0; writes < TRANSPORT_RATE_WRITES; writes++) choice.wrote(1_000, 10_000);
}

test('a receiver that names no codec is sent nothing compressed, unless it has to be', () => {
  const slow = chooseDuplex('auto', ['incremental']);
  writeSlowly(slow);
  expect(slow.codec).toBeUndefined();
  expect(captureError(() => chooseDuplex('gzip', ['incremental']))).toMatchObject({
    code: 'version-mismatch',
    message: 'the receiver cannot read gzip',
    remedy: 'compress',
  });
});

test('auto takes the best codec that both have, on a slow transport', () => {
  for (const [theirs, codec] of [
    [OUR_CODECS, BEST],
    [['gzip', 'incremental'], 'gzip'],
  ] as const) {
    const choice = chooseDuplex('auto', theirs);
    expect(choice.codec).toBeUndefined();
    writeSlowly(choice);
    expect(choice.codec).toBe(codec);
  }
});

test('one way auto takes what every receiver has', () => {
  const choice = chooseOneWay('auto');
  writeSlowly(choice);
  expect(choice.codec).toBe('gzip');
});

test('a codec that was asked for is used from the first frame, and none never', () => {
  expect(chooseOneWay('gzip').codec).toBe('gzip');
  expect(chooseDuplex('gzip', ['gzip']).codec).toBe('gzip');
  for (const none of [chooseOneWay('none'), chooseDuplex('none', ['gzip'])]) {
    writeSlowly(none);
    expect(none.codec).toBeUndefined();
  }
});

test('a compression that there is not, or not on this Node, is a usage error', () => {
  const unknown = captureError(() => checkCompression('lz4' as 'gzip'));
  expect(unknown).toMatchObject({ code: 'usage' });
  expect(unknown.message).toContain('"lz4"');
  if (BEST === 'zstd') checkCompression('zstd');
  else expect(captureError(() => checkCompression('zstd'))).toMatchObject({ code: 'usage' });
});
