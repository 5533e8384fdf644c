import { describe, expect, test } from 'vitest';
import { Budget } from '../../src/entry/budget.ts';
import { EntryValidator } from '../../src/entry/entry-validator.ts';
import { EntryCopy } from '../../src/entry/entry-copy.ts';
import { TarWriter } from '../../src/tar/tar-writer.ts';
import { TreeWriter } from '../../src/entry/tree-writer.ts';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { unpackTar, type UnpackTarOptions } from '../../src/tar/unpack-tar.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import type { Content, Entry, EntrySink } from '../../src/entry/entry.ts';
import { MemorySink, MemorySource, readArchive, readTree } from '../helpers/trees/archive-io.ts';
import { evilTar, type EvilMember } from '../helpers/trees/evil-tar.ts';

interface Unpacked {
  added: { entry: Entry; content: string; again: boolean }[];
  ended: boolean;
  skipped: string[];
  changed: string[];
  entries: number;
}

function unpackAll(tar: Uint8Array, options: Partial<UnpackTarOptions> = {}): Unpacked {
  const seen: Unpacked = { added: [], ended: false, skipped: [], changed: [], entries: 0 };
  const sink: EntrySink = {
    add: (entry, content, again) => {
      seen.added.push({ entry: { ...entry }, content: readText(content), again });
    },
    end: () => (seen.ended = true),
  };
  unpackTar(new TarReader(new MemorySource(tar, [100])), sink, {
    ...optionsFor(seen),
    ...options,
  });
  return seen;
}

function optionsFor(seen: Unpacked): UnpackTarOptions {
  return {
    validator: new EntryValidator(Budget.create({ maxEntries: 100, maxBytes: 10_000 })),
    onSkipped: (path, reason) => seen.skipped.push(`${path}: ${reason}`),
    onChanged: (path, reason) => seen.changed.push(`${path}: ${reason}`),
    onEntry: () => (seen.entries += 1),
  };
}

function readText(content: Content): string {
  let text = '';
  for (let bytes = content.content(); bytes.length > 0; bytes = content.content()) {
    text += Buffer.from(bytes).toString('latin1');
    content.consumed(bytes.length);
  }
  return text;
}

const paths = ({ added }: Unpacked) => added.map(({ entry }) => entry.path);

test('entries come in order, with their content, and then the end', () => {
  const long = 'x'.repeat(700);
  const seen = unpackAll(
    evilTar({ path: './', type: '5' }, { path: './a', content: long }, { path: 'b', content: 'y' }),
  );
  expect(seen.added.map(({ entry, content }) => [entry.path, content])).toEqual([
    ['', ''],
    ['a', long],
    ['b', 'y'],
  ]);
  expect(seen.ended).toBe(true);
});

test('the root of a context does not count as an entry', () => {
  expect(unpackAll(evilTar({ path: './', type: '5' }, { path: 'a' })).entries).toBe(1);
});

test('a path that is repeated is reported to the sink', () => {
  const { added } = unpackAll(evilTar({ content: 'old' }, { content: 'new' }));
  expect(added.map(({ content, again }) => [content, again])).toEqual([
    ['old', false],
    ['new', true],
  ]);
});

test('members that cannot be sent are skipped with their content, and reported', () => {
  const seen = unpackAll(evilTar({ path: 'f', type: '6' }, { type: 'V', content: 'x' }, {}));
  expect(seen.skipped).toEqual(['f: a FIFO', 'a: a volume label']);
  expect(paths(seen)).toEqual(['a']);
});

test('skipped members count as entries, so that a peer cannot send FIFOs for ever', () => {
  const skipped = Array.from({ length: 3 }, (_, at) => ({ path: `f${at}`, type: '6' }));
  const unpacked = (maxEntries: number) => () =>
    unpackAll(evilTar(...skipped, {}), {
      validator: new EntryValidator(Budget.create({ maxEntries, maxBytes: 10_000 })),
    });
  expect(paths(unpacked(4)())).toEqual(['a']);
  expect(unpacked(3)).toThrow(expect.objectContaining({ code: 'over-limit', path: 'a' }));
  expect(unpacked(2)).toThrow(expect.objectContaining({ code: 'over-limit', path: 'f2' }));
});

test('setuid and setgid of files are dropped and reported', () => {
  const seen = unpackAll(evilTar({ path: 's', mode: 0o6755 }, { path: 't', mode: 0o1755 }));
  expect(seen.added.map(({ entry }) => entry.mode)).toEqual([0o755, 0o1755]);
  expect(seen.changed).toEqual(['s: setuid and setgid are dropped']);
});

test('a member that loses several things is reported once', () => {
  const pax: [string, string][] = [['SCHILY.xattr.user.a', '1']];
  const seen = unpackAll(evilTar({ path: 's', mode: 0o4755, pax }));
  expect(seen.changed).toEqual([
    's: setuid and setgid are dropped; extended attributes and ACLs are dropped',
  ]);
});

describe('directories that a tar has no entry for', () => {
  const tar = evilTar(
    { path: 'a/b/c', content: 'x', pax: [['mtime', '5.5']] },
    { path: 'a/b/d' },
    { path: 'a/', type: '5', mode: 0o700 },
  );

  test('are added once, and counted', () => {
    const seen = unpackAll(tar);
    expect(paths(seen)).toEqual(['a', 'a/b', 'a/b/c', 'a/b/d', 'a']);
    expect(seen.added[0]!.entry).toMatchObject({ mode: 0o755, mtimeUs: 5_500_000 });
    expect(seen.added.at(-1)).toMatchObject({ again: true, entry: { mode: 0o700 } });
    expect(seen.entries).toBe(5);
  });
});

test('a sink that leaves content unread is reported as a bug', () => {
  const sink: EntrySink = { add: () => {}, end: () => {} };
  const reader = new TarReader(new MemorySource(evilTar({ content: 'x' })));
  const options = optionsFor({ added: [], ended: false, skipped: [], changed: [], entries: 0 });
  expect(() => unpackTar(reader, sink, options)).toThrow(
    expect.objectContaining({ code: 'internal' }),
  );
});

describe('a tar that is written begins without a pax header', () => {
  const first = (...members: EvilMember[]) => {
    const to = new MemorySink();
    const options = optionsFor({ added: [], ended: false, skipped: [], changed: [], entries: 0 });
    const copy = new EntryCopy(new TarWriter(to), new WorkerStatus());
    unpackTar(new TarReader(new MemorySource(evilTar(...members))), copy, options);
    const [plain, next] = readArchive(to.bytes()).map(({ member }) => member);
    expect(new TarReader(new MemorySource(to.bytes().subarray(0, 512))).next()).toEqual(plain);
    return [plain, next].map((member) => [
      member?.path,
      member?.mode,
      (member?.mtimeUs ?? 0) / 1e6,
    ]);
  };
  const root = { path: './', type: '5', mode: 0o751 };

  test('and without a fraction of a second', () => {
    expect(first({ ...root, pax: [['mtime', '5.9']] }, { pax: [['mtime', '5.9']] })).toEqual([
      ['./', 0o751, 5],
      ['a', 0o644, 5.9],
    ]);
    expect(first({ pax: [['mtime', '5.9']] }, { path: 'b' })).toEqual([
      ['a', 0o644, 5],
      ['b', 0o644, 1_700_000_000],
    ]);
  });

  test.each([
    ['a long name', 'n'.repeat(200), '5.5', 5],
    ['a name that is not ASCII', 'caf\xe9', '5.5', 5],
    ['a time before 1970', 'a', '-1.5', 0],
    ['a time after 2242', 'a', '8600000000', 0o77777777777],
  ])('after a plain root if it has %s', (_, path, mtime, seconds) => {
    const member = {
      pax: [
        ['path', path],
        ['mtime', mtime],
      ] as const,
    };
    expect(first(member)).toEqual([
      ['./', 0o755, seconds],
      [path, 0o644, Number(mtime)],
    ]);
  });
});

test('a tar becomes a tree stream with the same entries', () => {
  const content = 'x'.repeat(1_000);
  const tar = evilTar(
    { path: './', type: '5' },
    { path: './a//b', content, pax: [['mtime', '-1.5']] },
    { path: 'a/c', type: '1', link: './a/b' },
  );
  const status = new WorkerStatus();
  const to = new MemorySink({ rooms: [7, 512, 30] });
  const options = optionsFor({ added: [], ended: false, skipped: [], changed: [], entries: 0 });
  const reader = new TarReader(new MemorySource(tar, [100]));
  unpackTar(reader, new EntryCopy(new TreeWriter(to), status), options);
  const copy = readTree(to.bytes(), { unordered: true });
  expect(copy.map(({ entry: { path, link, mtimeUs } }) => [path, link, mtimeUs])).toEqual([
    ['', undefined, 1_700_000_000_000_000],
    ['a', undefined, -1_500_000],
    ['a/b', undefined, -1_500_000],
    ['a/c', 'a/b', 1_700_000_000_000_000],
  ]);
  expect(Buffer.from(copy[2]!.content).toString()).toBe(content);
  expect(status.read().bytes).toBe(1_000);
});
