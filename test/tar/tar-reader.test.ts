import { describe, expect, test } from 'vitest';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { MAX_PAX_BYTES, MAX_TAR_HEADERS } from '../../src/limits.ts';
import { anEntry, MemorySource, readArchive, writeArchive } from '../helpers/trees/archive-io.ts';
import {
  base256,
  evilExtra,
  evilHeader,
  evilMember,
  evilTar,
  paxBody,
} from '../helpers/trees/evil-tar.ts';
import { someBytes } from '../helpers/wire/harness.ts';

const BLOCK = 512;
const paths = (bytes: Uint8Array) => readArchive(bytes).map(({ member }) => member.path);
const corrupt = (message: RegExp) =>
  expect.objectContaining({
    code: 'source-unreadable',
    message: expect.stringMatching(message) as string,
  });

describe('an archive that ends too early', () => {
  const whole = writeArchive([
    { entry: anEntry({ path: 'short', size: 700 }), content: someBytes(700) },
    { entry: anEntry({ path: 'l'.repeat(600), mtimeUs: 1, size: 5 }), content: someBytes(5) },
    { entry: anEntry({ path: 'directory', kind: 'directory' }), content: new Uint8Array(0) },
  ]);
  const end = whole.length - 2 * BLOCK;

  test('is unreadable, wherever it is cut', () => {
    for (let block = 0; block <= end; block += BLOCK) {
      for (const at of [block, block + 1, block + 256, block + 511]) {
        expect(() => readArchive(whole.subarray(0, at))).toThrow(
          expect.objectContaining({
            code: 'source-unreadable',
            message: expect.stringMatching(/^the tar /) as string,
          }),
        );
      }
    }
  });

  test('is complete with only one of its two zero blocks', () => {
    expect(paths(whole.subarray(0, end + BLOCK))).toEqual([
      './',
      'short',
      'l'.repeat(600),
      'directory/',
    ]);
  });

  test.each([
    [0, /is empty/],
    [100, /without an end-of-archive marker/],
    [2 * BLOCK + 100, /in the middle of short/],
    [end, /without an end-of-archive marker/],
  ])('is reported with its position: after %i bytes', (at, message) => {
    expect(() => readArchive(whole.subarray(0, at))).toThrow(corrupt(message));
  });
});

describe('data after the end of an archive', () => {
  const zeros = (count: number) => Buffer.alloc(count);
  const [a, b] = [evilMember({ path: 'a' }), evilMember({ path: 'b' })];

  test.each([512, 1_024, 10_240])('and %i zeros is read when it is an archive', (count) => {
    const bytes = Buffer.concat([a, zeros(count), b, zeros(count), evilTar({ path: 'c' })]);
    expect(paths(bytes)).toEqual(['a', 'b', 'c']);
  });

  test.each([
    ['text', Buffer.from('this is no archive\n'.repeat(100))],
    ['a few bytes', Buffer.from('x')],
    ['a gzip', Buffer.concat([Buffer.of(0x1f, 0x8b, 8, 0), someBytes(1_020)])],
    ['bytes after zeros that fill no block', Buffer.concat([zeros(5), Buffer.of(1)])],
  ])('is refused when it is %s', (_, rest) => {
    const message =
      /continues at byte 1536, after its end, with data that is not a tar; cut it off/;
    expect(() => readArchive(Buffer.concat([a, zeros(1_024), rest]))).toThrow(corrupt(message));
  });

  test('may be zeros that do not fill a block', () => {
    expect(paths(Buffer.concat([a, zeros(1_024 + 100)]))).toEqual(['a']);
  });

  test.each(['x', 'X', 'L', 'K'])(
    'is not the member that a header of type %s belongs to',
    (type) => {
      const header = evilExtra(type, paxBody([['path', 'long']]));
      const message = /ends before byte \d+ without the member that a header is about$/;
      for (const rest of [zeros(1_024), Buffer.concat([zeros(512), b, zeros(1_024)])]) {
        expect(() => readArchive(Buffer.concat([a, header, rest]))).toThrow(corrupt(message));
      }
    },
  );

  test('is not affected by the global header of the archive before it', () => {
    const bytes = Buffer.concat([evilExtra('g', paxBody([['mtime', '5']])), evilTar({})]);
    const times = readArchive(
      Buffer.concat([bytes, evilTar({}), bytes.subarray(0, 1_024), a, zeros(512), b, zeros(512)]),
    );
    expect(times.map(({ member }) => member.mtimeUs / 1e6)).toEqual([5, 1_700_000_000, 5, 5]);
  });
});

test.each([
  ['text', Buffer.from('this is no archive\n'.repeat(100))],
  ['a gzip', Buffer.concat([Buffer.of(0x1f, 0x8b, 8, 0), someBytes(1_020)])],
  ['bytes that look like numbers in base 256', Buffer.alloc(1_024, 0x91)],
  ['a header with a bad checksum', evilTar({ checksumOff: 1 })],
])('%s is not an archive', (_, bytes) => {
  expect(() => readArchive(bytes)).toThrow(corrupt(/has no tar header at byte 0$/));
});

test('a bad header is reported with its position', () => {
  const bytes = Buffer.concat([evilMember({ content: 'x' }), evilTar({ checksumOff: 1 })]);
  expect(() => readArchive(bytes)).toThrow(corrupt(/at byte 1024$/));
});

describe('extended headers', () => {
  test('the global header of git archive is harmless', () => {
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

  test('a pax header of a member counts only for that member', () => {
    expect(paths(evilTar({ path: 'a', pax: [['path', 'long']] }, { path: 'b' }))).toEqual([
      'long',
      'b',
    ]);
  });

  test('long names and links of GNU count only for the next member', () => {
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

  test.each(['x', 'g', 'L', 'K'])(
    'an extended header of type %s may have at most MAX_PAX_BYTES',
    (type) => {
      const header = evilHeader({ type, size: MAX_PAX_BYTES + 1 });
      const tooLong = /has a header of 1048577 bytes before byte 512; the limit is 1048576/;
      expect(() => readArchive(header)).toThrow(corrupt(tooLong));
      const huge = evilHeader({ type, size: base256(2n ** 50n) });
      expect(() => readArchive(huge)).toThrow(corrupt(/has a header of/));
    },
  );

  test('an extended header of exactly MAX_PAX_BYTES is read', () => {
    const body = paxBody([['path', 'p'.repeat(MAX_PAX_BYTES - 14)]]);
    expect(body).toHaveLength(MAX_PAX_BYTES);
    const bytes = Buffer.concat([evilExtra('x', body), evilTar({})]);
    expect(paths(bytes)[0]).toHaveLength(MAX_PAX_BYTES - 14);
  });

  test('a series of extended headers without a member is limited', () => {
    const headers = (count: number) =>
      Array.from({ length: count }, () => evilExtra('g', paxBody([['comment', 'on and on']])));
    const member = evilMember({ path: 'a' });
    const archive = (count: number) =>
      Buffer.concat([...headers(count), member, Buffer.alloc(2 * BLOCK)]);
    expect(paths(archive(MAX_TAR_HEADERS))).toEqual(['a']);
    expect(() => paths(archive(MAX_TAR_HEADERS + 1))).toThrow(corrupt(/more than 64 headers/));
  });

  test('a pax header without a member after it makes an archive end too early', () => {
    const bytes = evilExtra('x', paxBody([['path', 'a']]));
    expect(() => readArchive(bytes)).toThrow(corrupt(/end-of-archive marker/));
  });
});

describe('names', () => {
  test('the prefix of ustar is put before the name, only with the magic of POSIX', () => {
    const posix = evilHeader({ path: 'name' });
    posix.write('some/directory', 345);
    expect(paths(resummed(posix))).toEqual(['some/directory/name']);
    const gnu = evilHeader({ path: 'name' });
    gnu.write('ustar  \0', 257);
    gnu.write('14000000000\0', 345); // GNU has an access time here
    expect(paths(resummed(gnu))).toEqual(['name']);
  });

  test('a name may fill its field without a NUL', () => {
    const name = 'n'.repeat(100);
    expect(paths(evilTar({ path: name, type: '2', link: 'l'.repeat(100) }))).toEqual([name]);
  });

  test('bytes of a name are kept as they are', () => {
    expect(paths(evilTar({ path: '\xff\xfe\n' }))).toEqual(['\xff\xfe\n']);
  });
});

test.each(['1', '2', '3', '4', '5', '6'])('a member of type %s has no content', (type) => {
  const bytes = evilTar({ path: 'a', type, size: 5 }, { path: 'b' });
  expect(paths(bytes)).toEqual(['a', 'b']);
});

test('a file may have type NUL from before POSIX, or 7 if it is contiguous', () => {
  const types = readArchive(evilTar({ type: '\0' }, { type: '7' })).map((each) => each.member.type);
  expect(types).toEqual(['0', '0']);
});

test('a directory of tar -g is a directory, and its list of names is not content', () => {
  const names = 'Yfile\0Dsub\0\0'.repeat(100);
  const bytes = evilTar({ path: 'd', type: 'D', content: names }, { path: 'd/file' });
  const read = readArchive(bytes).map(({ member: { path, type }, content }) => [
    path,
    type,
    content.length,
  ]);
  expect(read).toEqual([
    ['d', '5', 0],
    ['d/file', '0', 0],
  ]);
});

test.each(['M', 'N'])(
  'an archive with members of type %s would be unpacked wrongly, and is refused by name',
  (type) => {
    const message = /has big\.bin before byte 512, .*; (?:make|write)/;
    expect(() => readArchive(evilTar({ path: 'big.bin', type, content: 'x' }))).toThrow(
      corrupt(message),
    );
  },
);

test('a pax header of Solaris counts like one of POSIX', () => {
  const bytes = Buffer.concat([evilExtra('X', paxBody([['path', 'long']])), evilTar({})]);
  expect(paths(bytes)).toEqual(['long']);
});

test.each([
  'SCHILY.xattr.security.capability',
  'LIBARCHIVE.xattr.user.a',
  'SCHILY.acl.access',
  'RHT.security.selinux',
])('a member with %s is marked as having attributes', (key) => {
  const read = readArchive(evilTar({ pax: [[key, 'x']] }, { path: 'b', pax: [['uname', 'x']] }));
  expect(read.map(({ member }) => member.hasAttributes)).toEqual([true, false]);
});

test('a checksum over signed bytes is accepted', () => {
  const bytes = evilTar({ path: '\xe9\xff' });
  const block = bytes.subarray(0, 512).fill(0x20, 148, 156);
  block.write(`${block.reduce((sum, byte) => sum + ((byte << 24) >> 24), 0).toString(8)}\0`, 148);
  expect(paths(bytes)).toEqual(['\xe9\xff']);
});

test('content is returned in place and never past its end', () => {
  const bytes = evilTar({ content: 'abc' });
  const reader = new TarReader(new MemorySource(bytes));
  reader.next();
  const content = reader.content();
  expect(content.buffer).toBe(bytes.buffer);
  expect(Buffer.from(content).toString()).toBe('abc');
  reader.consumed(3);
  expect(reader.content()).toHaveLength(0);
});

/** The block with a valid checksum, as a whole archive. */
function resummed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((a, b) => a + b, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([block, Buffer.alloc(2 * BLOCK)]);
}
