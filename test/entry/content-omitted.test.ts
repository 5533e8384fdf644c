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
import { toMicroseconds } from '../../src/disk/mtime.ts';
import { UnreadablePaths } from '../../src/disk/unreadable-paths.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { Budget } from '../../src/entry/budget.ts';
import { AscendingEntries } from '../../src/entry/earlier-entries.ts';
import { EntryValidator } from '../../src/entry/entry-validator.ts';
import type { Entry, EntrySink, SourceEntry } from '../../src/entry/entry.ts';
import { hashSource, pack } from '../../src/entry/pack.ts';
import { TreeReader } from '../../src/entry/tree-reader.ts';
import { unpack } from '../../src/entry/unpack.ts';
import {
  anEntry,
  MemorySink,
  MemorySource,
  readTree,
  writeTree,
  type EntryWithContent,
} from '../helpers/trees/archive-io.ts';
import { encodeTree } from '../helpers/wire/independent-records.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';

const NOTHING = new Uint8Array(0);

describe('a file whose content is omitted', () => {
  test('is read back unchanged, and so is what follows it', () => {
    const size = fc.oneof(fc.nat(), fc.constantFrom(0, 1, 2 ** 33 + 1, 2 ** 52));
    const pieces = fc.constantFrom([1], [100], [Infinity]);
    fc.assert(
      fc.property(size, pieces, (bytes, slices) => {
        const entry = anEntry({ size: bytes, contentOmitted: true });
        const next = anEntry({ path: 'z', size: 3 });
        const tree = writeTree([
          { entry, content: NOTHING },
          { entry: next, content: Buffer.from('abc') },
        ]);
        const [first, second] = readTree(tree, { pieces: slices });
        expect(first).toEqual({ entry, content: Buffer.alloc(0) });
        expect(second).toEqual({ entry: next, content: Buffer.from('abc') });
        expect(unpacked(tree, true)).toEqual([entry, next]);
      }),
    );
  });

  test('is refused if there is nothing to take its content from', () => {
    const entry = anEntry({ size: 5, contentOmitted: true });
    expect(() => unpacked(writeTree([{ entry, content: NOTHING }]), false)).toThrow(
      expect.objectContaining({
        code: 'unsafe-entry',
        path: 'a',
        message: 'refused a: it comes without its content',
      }),
    );
  });

  test.each(['directory', 'symlink', 'hardlink'] as const)('cannot be a %s', (kind) => {
    const tree = encodeTree([{ kind, path: 'a', link: 'b', contentOmitted: true }]);
    expect(() => readTree(tree)).toThrow(expect.objectContaining({ code: 'corrupt' }));
  });
});

describe('packing a file that the receiver may have', () => {
  test('sends only the entry if the digest is the same', () =>
    withDirectory((directory) => {
      const seen = makeFile(directory);
      const status = new WorkerStatus();
      const { entry, content } = packed({ ...seen, omitIf: sha256('content') }, status);
      expect(content).toHaveLength(0);
      expect(entry).toMatchObject({ contentOmitted: true, size: 7, mtimeUs: seen.mtimeUs });
      expect(status.read()).toMatchObject({ entries: 1, bytes: 0 });
    }));

  test('sends its content if the digest differs', () =>
    withDirectory((directory) => {
      const status = new WorkerStatus();
      const seen = { ...makeFile(directory), omitIf: sha256('CONTENT') };
      const { entry, content } = packed(seen, status);
      expect(Buffer.from(content).toString()).toBe('content');
      expect(entry).not.toHaveProperty('contentOmitted');
      expect(status.read()).toMatchObject({ entries: 1, bytes: 7 });
    }));

  test('sends only the entry of an empty file if the digest is the same', () =>
    withDirectory((directory) => {
      const { entry } = packed({ ...makeFile(directory, ''), omitIf: sha256('') });
      expect(entry).toMatchObject({ contentOmitted: true, size: 0 });
    }));

  test.each<[happened: string, act: (file: string) => void]>([
    ['grew', (file) => appendFileSync(file, 'more')],
    ['was written to', (file) => utimesSync(file, 1, 1)],
    ['vanished', (file) => rmSync(file)],
    ['was replaced', (file) => replace(file, () => writeFileSync(file, 'content'))],
    ['was replaced', (file) => replace(file, () => symlinkSync('aside', file))],
    ['was replaced', (file) => replace(file, () => execFileSync('mkfifo', [file]))],
  ])('fails if it %s since the walk saw it', async (happened, act) => {
    await withDirectory((directory) => {
      const seen = makeFile(directory);
      act(join(directory, 'file'));
      for (const omitIf of [sha256('content'), sha256('')]) {
        expect(() => packed({ ...seen, omitIf })).toThrow(
          expect.objectContaining({
            code: 'source-changed',
            message: expect.stringContaining(`web/file ${happened}`),
          }),
        );
      }
    });
  });

  test('computes the digest of its content, however long it is', () =>
    withDirectory((directory) => {
      for (const length of [0, 1, 262_143, 262_144, 262_145, 1_000_000]) {
        const content = 'x'.repeat(length);
        const status = new WorkerStatus();
        expect(hashSource(makeFile(directory, content), status)).toBe(sha256(content));
      }
    }));

  test('stops before the next read when the work is cancelled', () =>
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

function packed(entry: SourceEntry, status = new WorkerStatus()): EntryWithContent {
  const sink = new MemorySink();
  pack([entry], sink, status, new UnreadablePaths());
  return readTree(sink.bytes())[0]!;
}

function unpacked(tree: Uint8Array, takesOmitted: boolean): Entry[] {
  const entries: Entry[] = [];
  const sink: EntrySink = {
    add: (entry, content) => {
      entries.push({ ...entry });
      for (let bytes = content.content(); bytes.length > 0; bytes = content.content()) {
        content.consumed(bytes.length);
      }
    },
    end: () => {},
  };
  const budget = Budget.create({ maxEntries: 100, maxBytes: Number.MAX_SAFE_INTEGER });
  unpack(new TreeReader(new MemorySource(tree, [100]), { unordered: false }), sink, {
    name: '',
    validator: new EntryValidator(budget, new AscendingEntries()),
    takesOmitted,
    onEntry: () => {},
  });
  return entries;
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
