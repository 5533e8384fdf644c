import { describe, expect, test } from 'vitest';
import { TarReader } from '../../src/archive/tar-reader.ts';
import { MAX_PAX_BYTES } from '../../src/limits.ts';
import { anEntry, MemorySource, ORIGIN, readArchive, writeArchive } from '../helpers/archive-io.ts';
import {
  base256,
  evilExtra,
  evilHeader,
  evilMember,
  evilTar,
  paxBody,
} from '../helpers/evil-tar.ts';
import { someBytes } from '../helpers/wire-harness.ts';

const BLOCK = 512;
const paths = (bytes: Uint8Array) => readArchive(bytes).map(({ member }) => member.path);
const corrupt = (message: RegExp) =>
  expect.objectContaining({ code: 'corrupt', message: expect.stringMatching(message) as string });

describe('an archive that ends too early', () => {
  const whole = writeArchive([
    { entry: anEntry({ path: 'short', size: 700 }), content: someBytes(700) },
    { entry: anEntry({ path: 'l'.repeat(600), mtimeUs: 1, size: 5 }), content: someBytes(5) },
    { entry: anEntry({ path: 'folder', kind: 'folder' }), content: new Uint8Array(0) },
  ]);
  const end = whole.length - 2 * BLOCK;

  test.each(['corrupt', 'source-unreadable'] as const)('is %s, wherever it is cut', (code) => {
    const origin = { name: 'the tar on stdin', code };
    for (let block = 0; block <= end; block += BLOCK) {
      for (const at of [block, block + 1, block + 256, block + 511]) {
        expect(() => readArchive(whole.subarray(0, at), undefined, origin)).toThrow(
          expect.objectContaining({
            code,
            message: expect.stringMatching(/^the tar on stdin /) as string,
          }),
        );
      }
    }
  });

  test('is whole with one of its two zero blocks', () => {
    expect(paths(whole.subarray(0, end + BLOCK))).toEqual(['short', 'l'.repeat(600), 'folder/']);
  });

  test.each([
    [0, /is empty/],
    [100, /without an end-of-archive marker/],
    [BLOCK + 100, /in the middle of short/],
    [end, /without an end-of-archive marker/],
  ])('says where: after %i bytes', (at, message) => {
    expect(() => readArchive(whole.subarray(0, at))).toThrow(corrupt(message));
  });
});

test('what follows the end marker is not read', () => {
  const bytes = Buffer.concat([evilTar({ path: 'a' }), evilTar({ path: 'hidden' })]);
  expect(paths(bytes)).toEqual(['a']);
});

test.each([
  ['text', Buffer.from('this is no archive\n'.repeat(100))],
  ['a gzip', Buffer.concat([Buffer.of(0x1f, 0x8b, 8, 0), someBytes(1_020)])],
  ['bytes that look like numbers in base 256', Buffer.alloc(1_024, 0x91)],
  ['a header with a bad checksum', evilTar({ checksumOff: 1 })],
])('%s is no archive', (_, bytes) => {
  expect(() => readArchive(bytes)).toThrow(corrupt(/has no tar header at byte 0$/));
});

test('a bad header is told by its position', () => {
  const bytes = Buffer.concat([evilMember({ content: 'x' }), evilTar({ checksumOff: 1 })]);
  expect(() => readArchive(bytes)).toThrow(corrupt(/at byte 1024$/));
});

describe('extended headers', () => {
  test("git archive's global header is harmless", () => {
    const comment = '52 comment=0123456789abcdef0123456789abcdef01234567\n';
    const bytes = Buffer.concat([
      evilExtra('g', comment),
      evilTar({ path: 'dir/', type: '5' }, { path: 'dir/file', content: 'x' }),
    ]);
    expect(paths(bytes)).toEqual(['dir/', 'dir/file']);
  });

  test('a global time counts until a member has its own; a global path or size never does', () => {
    const globals = paxBody([
      ['mtime', '5.5'],
      ['path', 'evil'],
      ['linkpath', 'evil'],
      ['size', '9'],
    ]);
    const bytes = Buffer.concat([
      evilExtra('g', globals),
      evilTar({ path: 'a', content: 'x' }, { path: 'b', pax: [['mtime', '7']] }, { path: 'c' }),
    ]);
    const members = readArchive(bytes).map(({ member }) => member);
    expect(members.map(({ path }) => path)).toEqual(['a', 'b', 'c']);
    expect(members.map(({ mtimeUs }) => mtimeUs)).toEqual([5_500_000, 7_000_000, 5_500_000]);
    expect(members.map(({ size }) => size)).toEqual([1, 0, 0]);
  });

  test("a member's own pax header counts for it alone", () => {
    expect(paths(evilTar({ path: 'a', pax: [['path', 'long']] }, { path: 'b' }))).toEqual([
      'long',
      'b',
    ]);
  });

  test("GNU's long names and links count for the next member alone", () => {
    const bytes = Buffer.concat([
      evilExtra('K', `${'t'.repeat(300)}\0`),
      evilExtra('L', `${'n'.repeat(300)}\0`),
      evilTar({ path: 'n', type: '2', link: 't' }, { path: 'b', type: '2', link: 'c' }),
    ]);
    expect(readArchive(bytes).map(({ member: { path, link } }) => [path, link])).toEqual([
      ['n'.repeat(300), 't'.repeat(300)],
      ['b', 'c'],
    ]);
  });

  test.each(['x', 'g', 'L', 'K'])('one of type %s has at most MAX_PAX_BYTES', (type) => {
    const header = evilHeader({ type, size: MAX_PAX_BYTES + 1 });
    const tooLong = /has a header of 65537 bytes, 65536 are possible/;
    expect(() => readArchive(header)).toThrow(corrupt(tooLong));
    const huge = evilHeader({ type, size: base256(2n ** 50n) });
    expect(() => readArchive(huge)).toThrow(corrupt(/has a header of/));
  });

  test('one of exactly MAX_PAX_BYTES is read', () => {
    const body = paxBody([['path', 'p'.repeat(MAX_PAX_BYTES - 12)]]);
    expect(body).toHaveLength(MAX_PAX_BYTES);
    const bytes = Buffer.concat([evilExtra('x', body), evilTar({})]);
    expect(paths(bytes)[0]).toHaveLength(MAX_PAX_BYTES - 12);
  });

  test('a pax header without a member after it is an archive that ends too early', () => {
    const bytes = evilExtra('x', paxBody([['path', 'a']]));
    expect(() => readArchive(bytes)).toThrow(corrupt(/end-of-archive marker/));
  });
});

describe('names', () => {
  test("ustar's prefix goes before the name, with POSIX's magic only", () => {
    const posix = evilHeader({ path: 'name' });
    posix.write('some/folder', 345);
    expect(paths(resummed(posix))).toEqual(['some/folder/name']);
    const gnu = evilHeader({ path: 'name' });
    gnu.write('ustar  \0', 257);
    gnu.write('14000000000\0', 345); // GNU has an access time here
    expect(paths(resummed(gnu))).toEqual(['name']);
  });

  test('a name may fill its field without a NUL', () => {
    const name = 'n'.repeat(100);
    expect(paths(evilTar({ path: name, type: '2', link: 'l'.repeat(100) }))).toEqual([name]);
  });

  test('bytes stay what they are', () => {
    expect(paths(evilTar({ path: '\xff\xfe\n' }))).toEqual(['\xff\xfe\n']);
  });
});

test.each(['1', '2', '3', '4', '5', '6'])('a member of type %s has no content', (type) => {
  const bytes = evilTar({ path: 'a', type, size: 5 }, { path: 'b' });
  expect(paths(bytes)).toEqual(['a', 'b']);
});

test('a file has type NUL before POSIX, and 7 where it is contiguous', () => {
  const types = readArchive(evilTar({ type: '\0' }, { type: '7' })).map((each) => each.member.type);
  expect(types).toEqual(['0', '0']);
});

test.each([
  ["of GNU's own format", evilTar({ type: 'S' })],
  ['of pax', evilTar({ pax: [['GNU.sparse.major', '1']] })],
])('sparse files %s are refused, and it says what to do', (_, bytes) => {
  expect(() => readArchive(bytes)).toThrow(corrupt(/has sparse files; write it without -S$/));
});

test('content is handed out in place and never past its end', () => {
  const bytes = evilTar({ content: 'abc' });
  const reader = new TarReader(new MemorySource(bytes), ORIGIN);
  reader.next();
  const content = reader.content();
  expect(content.buffer).toBe(bytes.buffer);
  expect(Buffer.from(content).toString()).toBe('abc');
  reader.consumed(3);
  expect(reader.content()).toHaveLength(0);
});

/** The block with its checksum made right, as a whole archive. */
function resummed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((a, b) => a + b, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([block, Buffer.alloc(2 * BLOCK)]);
}
