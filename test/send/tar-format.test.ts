import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { FORMAT_BYTES, isGzip } from '../../src/send/tar-format.ts';
import { evilTar } from '../helpers/trees/evil-tar.ts';

const MAGICS = [
  'BZh',
  '\xfd7zXZ\0',
  '\x28\xb5\x2f\xfd',
  'PK\x03\x04',
  '!<arch>\n',
  '070701',
  '\xff\xfe',
];

test('a gzip is recognised, however short', () => {
  expect(isGzip(gzipSync('x'.repeat(9_999)).subarray(0, FORMAT_BYTES))).toBe(true);
  expect(isGzip(gzipSync(''))).toBe(true);
});

test.each(MAGICS)('an input that begins with %j is refused by its name', (magic) => {
  const head = Buffer.concat([Buffer.from(magic, 'latin1'), Buffer.alloc(FORMAT_BYTES, 7)]);
  for (const bytes of [head.subarray(0, FORMAT_BYTES), Buffer.from(magic, 'latin1')]) {
    expect(() => isGzip(bytes)).toThrow(
      expect.objectContaining({
        code: 'source-unreadable',
        message: expect.stringMatching(/^the tar is .*; /) as string,
      }),
    );
  }
});

test.each(MAGICS)('a tar whose first name begins with %j is a tar', (magic) => {
  const tar = evilTar({ path: `${magic.replace('\0', '')}name` });
  expect(isGzip(tar.subarray(0, FORMAT_BYTES))).toBe(false);
});

test('an input of unknown format is left to the tar reader', () => {
  for (const text of ['', 'x', 'hello, world']) expect(isGzip(Buffer.from(text))).toBe(false);
});
