import fc from 'fast-check';
import { Header } from 'tar';
import { describe, expect, test } from 'vitest';
import { decodeNumbers } from '../../src/tar/header-block.ts';
import { base256, evilHeader } from '../helpers/trees/evil-tar.ts';

const MODE = { at: 100, length: 8 };
const SIZE = { at: 124, length: 12 };
const MTIME = { at: 136, length: 12 };

/** The header of a file with exactly these fields, and a valid checksum. */
function blockWith(fields: { mode?: string; size?: string; mtime?: string }): Buffer {
  const block = evilHeader({ path: 'a/b' });
  const put = (text: string | undefined, { at, length }: { at: number; length: number }) => {
    if (text !== undefined) block.fill(0, at, at + length).write(text, at, 'latin1');
  };
  put(fields.mode, MODE);
  put(fields.size, SIZE);
  put(fields.mtime, MTIME);
  return withChecksum(block);
}

function withChecksum(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((a, b) => a + b, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A number in any of the forms in which tars write it to a field. */
const octalField = (length: number, max: number) =>
  fc
    .tuple(
      fc.integer({ min: 0, max }),
      fc.constantFrom('', '0', ' ', '   '),
      fc.constantFrom('', '\0', ' ', ' \0', '\0 ', '\0rest'),
    )
    .map(([value, before, after]) =>
      `${before}${value.toString(8)}${after}`.slice(0, length).padEnd(length, '\0'),
    )
    .filter((text) => Number.parseInt(text, 8) <= max);

describe('the octal path reads the same as the tar package', () => {
  test('from headers that the tar package writes', () => {
    const header = fc.record({
      path: fc.string({ minLength: 1, maxLength: 98 }).filter((path) => !/[\0/]/.test(path)),
      mode: fc.integer({ min: 0, max: 0o7777777 }),
      size: fc.integer({ min: 0, max: 0o77777777777 }),
      seconds: fc.integer({ min: 0, max: 0o77777777777 }),
    });
    fc.assert(
      fc.property(header, ({ path, mode, size, seconds }) => {
        const block = Buffer.alloc(512);
        const mtime = new Date(seconds * 1000);
        new Header({ type: 'File', path, mode, size, mtime, uid: 0, gid: 0 }).encode(block);
        expect(decodeNumbers(block)).toEqual({ mode, size, mtimeSeconds: seconds });
      }),
    );
  });

  test('from fields with fewer digits, and spaces or NULs around them', () => {
    const fields = fc.record({
      mode: octalField(8, 0o7777777),
      size: octalField(12, 0o77777777777),
      mtime: octalField(12, 0o77777777777),
    });
    fc.assert(
      fc.property(fields, (texts) => {
        const block = blockWith(texts);
        const header = new Header(block);
        expect(decodeNumbers(block)).toEqual({
          mode: header.mode,
          size: header.size,
          mtimeSeconds: header.mtime!.getTime() / 1000,
        });
      }),
    );
  });
});

test('numbers in base 256 are read, including negative times', () => {
  const size = base256(2n ** 40n + 5n);
  const mtime = base256(-1_000n);
  const mode = base256(0o755n, 8);
  expect(decodeNumbers(blockWith({ mode, size, mtime }))).toEqual({
    mode: 0o755,
    size: 2 ** 40 + 5,
    mtimeSeconds: -1_000,
  });
});

test('blank fields count as zero', () => {
  const blank = { mode: '', size: ' '.repeat(12), mtime: '' };
  expect(decodeNumbers(blockWith(blank))).toEqual({ mode: 0, size: 0, mtimeSeconds: 0 });
});

test('a file whose truncated name ends with a slash keeps its size', () => {
  // Its unusual mode makes the tar package read it, which takes it for a directory without a size.
  const block = blockWith({ mode: '   644 ', size: '00000000777\0' });
  block.fill(0, 0, 100).write(`${'d'.repeat(98)}/`);
  expect(decodeNumbers(withChecksum(block))).toMatchObject({ mode: 0o644, size: 0o777 });
});

test.each([
  ['letters', 'zzzzzzzzzzz'],
  ['digits that are not octal', '00000000089\0'],
  ['octal digits and then others', '12zz'],
  ['a minus sign', '-0000000001\0'],
  ['a number in hex', '0x10'],
  ['a negative number in base 256', base256(-1n)],
])('a size of %s is invalid', (_, size) => {
  expect(decodeNumbers(blockWith({ size }))).toMatchObject({ size: Number.NaN });
});

test('a number in base 256 that is over 2^53, or begins with an unknown byte, invalidates the header', () => {
  expect(decodeNumbers(blockWith({ size: base256(2n ** 60n) }))).toBeUndefined();
  expect(decodeNumbers(blockWith({ size: '\x91'.repeat(12) }))).toBeUndefined();
});

test('any changed byte invalidates the header', () => {
  fc.assert(
    fc.property(fc.nat(511), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const block = blockWith({ size: '00000000123\0' });
      // The last two bytes of the checksum field carry no information.
      fc.pre(at !== 154 && at !== 155);
      block[at]! ^= change;
      expect(decodeNumbers(block)).toBeUndefined();
    }),
  );
});

test('no block makes the decoder throw', () => {
  const random = fc.uint8Array({ minLength: 512, maxLength: 512 });
  fc.assert(fc.property(random, (bytes) => void decodeNumbers(Buffer.from(bytes))));
  fc.assert(fc.property(random, (bytes) => void decodeNumbers(withChecksum(Buffer.from(bytes)))));
});
