import fc from 'fast-check';
import { Header } from 'tar';
import { expect, test } from 'vitest';
import { toEntry } from '../../src/tar/member-entry.ts';
import { encodeHeader } from '../../src/tar/tar-header.ts';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { TarWriter } from '../../src/tar/tar-writer.ts';
import type { Entry } from '../../src/entry/entry.ts';
import {
  anEntry,
  MemorySink,
  MemorySource,
  readArchive,
  writeArchive,
  type EntryWithContent,
} from '../helpers/trees/archive-io.ts';
import { evilExtra, evilTar } from '../helpers/trees/evil-tar.ts';
import { someBytes } from '../helpers/wire/harness.ts';

const LENGTHS = [1, 2, 98, 99, 100, 101, 154, 155, 156, 254, 255, 256, 257, 1_023, 1_024, 1_025];

/** Names of any byte except NUL and '/', with '/' between them. */
const path = fc.constantFrom(...LENGTHS).chain((length) =>
  fc
    .tuple(
      fc.uint8Array({ minLength: length, maxLength: length }),
      fc.array(fc.nat(length), { maxLength: 4 }),
    )
    .map(([bytes, slashes]) => {
      const name = Array.from(bytes, (byte) => String.fromCharCode(byte || 1).replace('/', '_'));
      for (const at of slashes) {
        if (at > 0 && at < length - 1 && name[at - 1] !== '/' && name[at + 1] !== '/')
          name[at] = '/';
      }
      return name
        .join('')
        .split('/')
        .map((part) => (part === '.' ? '_' : part))
        .join('/');
    }),
);
const times = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -10, max: 2 ** 31 }).map((seconds) => seconds * 1e6),
  fc.constantFrom(0, 1, -1, 0o77777777777 * 1e6, 0o77777777777 * 1e6 + 1, 0o100000000000 * 1e6),
);
const common = { path, mode: fc.integer({ min: 0, max: 0o1777 }), mtimeUs: times };

const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    ...common,
    kind: fc.constant('file' as const),
    size: fc.integer({ min: 0, max: 1_500 }),
  }),
  fc.record({ ...common, kind: fc.constant('directory' as const), size: fc.constant(0) }),
  fc.record({
    ...common,
    kind: fc.constantFrom('symlink' as const, 'hardlink' as const),
    size: fc.constant(0),
    link: path,
  }),
);
const slicing = fc.array(fc.integer({ min: 1, max: 1_200 }), { minLength: 1, maxLength: 5 });

const withContent = (each: Entry, seed = 0): EntryWithContent => ({
  entry: each,
  content: someBytes(each.size, seed),
});

test('entries are read back as they were written, in any slicing', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), slicing, slicing, (entries, rooms, pieces) => {
      const written = entries.map(withContent);
      const [, ...members] = readArchive(writeArchive(written, rooms), pieces);
      expect(members.map(({ member }) => toEntry(member))).toEqual(entries);
      for (const [index, { content }] of members.entries()) {
        expect(content.equals(written[index]!.content)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test('a reader that skips content finds the next member, in any slicing', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), slicing, (entries, pieces) => {
      const bytes = writeArchive(entries.map(withContent));
      const reader = new TarReader(new MemorySource(bytes, pieces));
      const paths: string[] = [];
      for (let next = reader.next(); next !== undefined; next = reader.next())
        paths.push(next.path);
      expect(paths.map((each) => each.replace(/\/$/, ''))).toEqual([
        '.',
        ...entries.map((e) => e.path),
      ]);
    }),
  );
});

test('slicing changes no byte of an archive', () => {
  const entries = [anEntry({ size: 1_000, mtimeUs: 5 }), anEntry({ path: 'b'.repeat(300) })];
  const whole = writeArchive(entries.map(withContent));
  for (const room of [1, 7, 511, 512, 513]) {
    expect(writeArchive(entries.map(withContent), [room]).equals(whole)).toBe(true);
  }
});

test('an archive consists of whole blocks and ends with two of zeros', () => {
  for (const size of [0, 1, 511, 512, 513, 1_024]) {
    const bytes = writeArchive([withContent(anEntry({ size }))]);
    expect(bytes.length).toBe(2 * 512 + Math.ceil(size / 512) * 512 + 1_024);
    expect(bytes.subarray(-1_024).every((byte) => byte === 0)).toBe(true);
  }
});

test('a file keeps its content wherever a slash is in its long path', () => {
  for (let slash = 90; slash <= 110; slash++) {
    const long = `${'d'.repeat(slash)}/${'f'.repeat(40)}`;
    for (const mtimeUs of [0, 1_500_000, -1]) {
      const file = anEntry({ path: long, size: 700, mtimeUs });
      const [, member] = readArchive(writeArchive([withContent(file)]));
      expect(toEntry(member!.member)).toEqual(file);
      expect(member!.content).toHaveLength(700);
    }
  }
});

test('a reader without pax does not take such a file for a directory either', () => {
  for (let slash = 90; slash <= 110; slash++) {
    const long = `${'d'.repeat(slash)}/${'f'.repeat(40)}`;
    const block = encodeHeader(anEntry({ path: long, size: 700 })).slice(-512);
    const { type, size, path: cut } = new Header(Buffer.from(block));
    expect({ type, size, cut: cut?.endsWith('/') }).toEqual({
      type: 'File',
      size: 700,
      cut: false,
    });
  }
});

test('a file of another tar keeps its content too, when its name field was truncated at a slash', () => {
  const cut = `${'d'.repeat(99)}/`;
  const long = `${cut}file`;
  const rest = { path: cut, content: 'hello' };
  // Not octal, so that the tar package reads the header.
  const unusual = { ...rest, size: '          5\0' };
  for (const member of [rest, unusual]) {
    for (const archive of [
      Buffer.concat([evilExtra('L', `${long}\0`), evilTar(member)]),
      evilTar({ ...member, pax: [['path', long]] }),
    ]) {
      const [only] = readArchive(archive);
      expect(only!.member).toMatchObject({ path: long, size: 5 });
      expect(only!.content.toString()).toBe('hello');
      expect(toEntry(only!.member)).toMatchObject({ kind: 'file', size: 5 });
    }
  }
});

test.each([2 ** 33 - 1, 2 ** 33, 2 ** 33 + 1, 2 ** 40, Number.MAX_SAFE_INTEGER])(
  'a size of %i bytes is read back',
  (size) => {
    const header = encodeHeader(anEntry({ path: 'big', size }));
    const reader = new TarReader(new MemorySource(header));
    expect(reader.next()).toMatchObject({ path: 'big', size });
  },
);

test('an entry that ustar can hold has no pax header', () => {
  expect(encodeHeader(anEntry({ path: 'p'.repeat(99), size: 2 ** 33 - 1 }))).toHaveLength(512);
  for (const fields of [
    { path: 'p'.repeat(100) },
    { mtimeUs: 1 },
    { size: 2 ** 33 },
    { path: 'é' },
  ]) {
    expect(encodeHeader(anEntry(fields)).length).toBeGreaterThan(512);
  }
});

test('an entry that lacks content cannot be finished', () => {
  const tar = new TarWriter(new MemorySink());
  tar.begin(anEntry({ size: 2 }));
  expect(tar.reserve()).toHaveLength(2);
  tar.produced(1);
  expect(tar.left).toBe(1);
  expect(() => tar.finish()).toThrow('lacks 1 bytes');
});
