import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  lstatSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Budget } from '../../src/entry/budget.ts';
import { EntryValidator } from '../../src/entry/entry-validator.ts';
import { toEntry } from '../../src/tar/member-entry.ts';
import { hashSource, pack } from '../../src/tar/pack.ts';
import { UnreadablePaths } from '../../src/disk/unreadable-paths.ts';
import { TarReader } from '../../src/tar/tar-reader.ts';
import { unpack } from '../../src/tar/unpack.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { toMicroseconds } from '../../src/disk/mtime.ts';
import type { Entry, SourceEntry } from '../../src/entry/entry.ts';
import {
  anEntry,
  MemorySink,
  MemorySource,
  ORIGIN,
  readArchive,
  writeArchive,
} from '../helpers/trees/archive-io.ts';
import {
  evilExtra,
  evilMember,
  evilTar,
  paxBody,
  type EvilMember,
} from '../helpers/trees/evil-tar.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';

const NOTHING = new Uint8Array(0);

describe('an entry whose content is kept', () => {
  test('comes back through headers, reader and unpack as it was', () => {
    const kept = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, 2 ** 33 + 1));
    const path = fc.constantFrom(
      'a',
      'caf\xe9\n',
      'x'.repeat(255),
      `${'d'.repeat(90)}.${'e'.repeat(90)}`,
    );
    const pieces = fc.constantFrom([1], [100], [Infinity]);
    fc.assert(
      fc.property(kept, path, pieces, (count, name, slices) => {
        const entry = anEntry({ path: name, kept: count });
        const tar = writeArchive([
          { entry, content: NOTHING },
          { entry: anEntry({ path: 'z' }), content: NOTHING },
        ]);
        const members = readArchive(tar, slices);
        expect(members.map(({ member }) => member.kept)).toEqual([count, undefined]);
        expect(toEntry(members[0]!.member)).toEqual(entry);
        expect(unpacked(tar, true)).toEqual([entry, anEntry({ path: 'z' })]);
      }),
    );
  });

  test('is an empty file to a reader that knows nothing of it', () =>
    withDirectory((directory) => {
      const tar = join(directory, 'kept.tar');
      writeFileSync(tar, writeArchive([{ entry: anEntry({ kept: 5 }), content: NOTHING }]));
      execFileSync('tar', ['-xf', tar, '-C', directory], { stdio: 'ignore' });
      expect(lstatSync(join(directory, 'a')).size).toBe(0);
    }));

  test('is refused where nothing is kept', () => {
    const tar = writeArchive([{ entry: anEntry({ kept: 5 }), content: NOTHING }]);
    expect(() => unpacked(tar, false)).toThrow(
      expect.objectContaining({
        code: 'unsafe-entry',
        path: 'a',
        message: 'refused a: it comes without its content',
      }),
    );
  });

  test('is refused where it comes with content all the same', () => {
    const tar = evilTar({ content: 'content', pax: [['CTXSYNC.kept', '7']] });
    for (const takesKept of [true, false]) {
      expect(() => unpacked(tar, takesKept)).toThrow(
        expect.objectContaining({ code: 'unsafe-entry', path: 'a' }),
      );
    }
  });

  test.each(['', '-1', '1.5', '0x10', '1e3', ' 5', 'x', '9'.repeat(16), '9'.repeat(17)])(
    'with %j bytes is corrupt',
    (count) => {
      const tar = evilTar({ pax: [['CTXSYNC.kept', count]] });
      expect(() => readArchive(tar)).toThrow(
        expect.objectContaining({ code: 'corrupt', message: expect.stringContaining('bad count') }),
      );
    },
  );

  test.each<EvilMember>([
    { path: 'a/', type: '5' },
    { type: '2', link: 'b' },
  ])('is a file, and nothing else: %j', (member) => {
    const tar = evilTar({ ...member, pax: [['CTXSYNC.kept', '5']] });
    expect(unpacked(tar, false)[0]).not.toHaveProperty('kept');
  });

  test('may not be said of all files at once where nothing is kept', () => {
    const tar = Buffer.concat([
      evilExtra('g', paxBody([['CTXSYNC.kept', '5']])),
      evilMember({}),
      Buffer.alloc(1_024),
    ]);
    expect(() => unpacked(tar, false)).toThrow(expect.objectContaining({ code: 'corrupt' }));
  });
});

describe('packing a file that the receiver may have', () => {
  test('with the same digest sends the entry alone', () =>
    withDirectory((directory) => {
      const seen = makeFile(directory);
      const status = new WorkerStatus();
      const { member, content } = packed({ ...seen, keptIf: sha256('content') }, status);
      expect(content).toHaveLength(0);
      expect(toEntry(member)).toMatchObject({ kept: 7, size: 0, mtimeUs: seen.mtimeUs });
      expect(status.read()).toMatchObject({ entries: 1, bytes: 0 });
    }));

  test('with another digest sends its content', () =>
    withDirectory((directory) => {
      const status = new WorkerStatus();
      const seen = { ...makeFile(directory), keptIf: sha256('CONTENT') };
      const { member, content } = packed(seen, status);
      expect(content.toString()).toBe('content');
      expect(member.kept).toBeUndefined();
      expect(status.read()).toMatchObject({ entries: 1, bytes: 7 });
    }));

  test('that is empty, with the same digest, is kept too', () =>
    withDirectory((directory) => {
      const { member } = packed({ ...makeFile(directory, ''), keptIf: sha256('') });
      expect(member).toMatchObject({ kept: 0, size: 0 });
    }));

  test.each<[happened: string, act: (file: string) => void]>([
    ['grew', (file) => appendFileSync(file, 'more')],
    ['was written to', (file) => utimesSync(file, 1, 1)],
    ['vanished', (file) => rmSync(file)],
    ['was replaced', (file) => replace(file, () => writeFileSync(file, 'content'))],
    ['was replaced', (file) => replace(file, () => symlinkSync('aside', file))],
    ['was replaced', (file) => replace(file, () => execFileSync('mkfifo', [file]))],
  ])('fails where it %s since the walk saw it', async (happened, act) => {
    await withDirectory((directory) => {
      const seen = makeFile(directory);
      act(join(directory, 'file'));
      for (const keptIf of [sha256('content'), sha256('')]) {
        expect(() => packed({ ...seen, keptIf })).toThrow(
          expect.objectContaining({
            code: 'source-changed',
            message: expect.stringContaining(`web/file ${happened}`),
          }),
        );
      }
    });
  });

  test('its digest is that of its content, however long', () =>
    withDirectory((directory) => {
      for (const length of [0, 1, 262_143, 262_144, 262_145, 1_000_000]) {
        const content = 'x'.repeat(length);
        const status = new WorkerStatus();
        expect(hashSource(makeFile(directory, content), status)).toBe(sha256(content));
      }
    }));

  test('work that was given up ends before the next read', () =>
    withDirectory((directory) => {
      const status = new WorkerStatus();
      status.cancel();
      expect(() => hashSource(makeFile(directory), status)).toThrow(
        expect.objectContaining({ code: 'interrupted' }),
      );
    }));
});

function makeFile(directory: string, content = 'content'): SourceEntry {
  const fsPath = join(directory, 'file');
  writeFileSync(fsPath, content);
  const { dev, ino, birthtimeNs, size, mtimeNs } = lstatSync(fsPath, { bigint: true });
  const fields = { path: 'web/file', size: Number(size), mtimeUs: toMicroseconds(mtimeNs) };
  return { ...anEntry(fields), fsPath, identity: { dev, ino, birthtimeNs, size, mtimeNs } };
}

function replace(file: string, make: () => void): void {
  renameSync(file, join(file, '../aside'));
  make();
}

function packed(
  entry: SourceEntry,
  status = new WorkerStatus(),
): ReturnType<typeof readArchive>[number] {
  const sink = new MemorySink();
  pack([entry], sink, status, new UnreadablePaths());
  return readArchive(sink.bytes())[0]!;
}

function unpacked(tar: Uint8Array, takesKept: boolean): Entry[] {
  const entries: Entry[] = [];
  const sink = { add: (entry: Entry) => void entries.push({ ...entry }), end: () => {} };
  unpack(new TarReader(new MemorySource(tar, [100]), ORIGIN), sink, {
    name: '',
    validator: new EntryValidator(Budget.create({ maxEntries: 100, maxBytes: 10_000 })),
    addDirectories: false,
    takesKept,
    onSkipped: () => {},
    onChanged: () => {},
    onEntry: () => {},
  });
  return entries;
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
