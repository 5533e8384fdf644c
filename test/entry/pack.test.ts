import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hashSource, pack } from '../../src/entry/pack.ts';
import { UnreadablePaths } from '../../src/disk/unreadable-paths.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { toMicroseconds } from '../../src/disk/mtime.ts';
import type { SourceEntry } from '../../src/entry/entry.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { MAX_UNREADABLE_PATHS } from '../../src/limits.ts';
import { anEntry, MemorySink, readTree } from '../helpers/trees/archive-io.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { someBytes } from '../helpers/wire/harness.ts';

const ROOM = 4_096;
const SIZE = 10_000;
const PAST = new Date('2020-01-02T03:04:05Z');
const SYS_FILE = '/sys/kernel/mm/transparent_hugepage/enabled';
const SECRET = 'content from outside of the context';

/** What a walk would see of the file now. */
function look(fsPath: string, path: string): SourceEntry {
  const { dev, ino, birthtimeNs, size, mtimeNs } = lstatSync(fsPath, { bigint: true });
  const identity = { dev, ino, birthtimeNs, size, mtimeNs };
  const fields = { path, size: Number(size), mtimeUs: toMicroseconds(mtimeNs) };
  return { ...anEntry(fields), fsPath, identity };
}

interface Attempt {
  bytes: Buffer;
  error: CtxsyncError | undefined;
}

/**
 * Packs a file of SIZE bytes, through buffers of ROOM bytes, while `act` changes it.
 *
 * @param turn 'opening': the walk has seen it, and it is not open yet. 'reading': ROOM bytes of it
 *   were read
 */
function packWhile(
  turn: 'opening' | 'reading',
  act: (file: string, directory: string) => void,
): Promise<Attempt> {
  return withDirectory((directory) => {
    const file = makeFile(directory, 'file', SIZE);
    writeFileSync(join(directory, 'outside'), SECRET.repeat(SIZE));
    const seen = look(file, 'web/file');
    // The header takes the first buffer, content the later ones.
    const beforeRoom = (at: number) => {
      if (turn === 'reading' && at === 2) act(file, directory);
    };
    const sink = new MemorySink({ rooms: [ROOM], beforeRoom });
    const open = openFiles();
    if (turn === 'opening') act(file, directory);
    const error = attempt(() => pack([seen], sink, new WorkerStatus(), new UnreadablePaths()));
    expect(openFiles()).toBe(open);
    return { bytes: sink.bytes(), error };
  });
}

function makeFile(directory: string, name: string, size: number): string {
  const path = join(directory, name);
  writeFileSync(path, someBytes(size));
  utimesSync(path, PAST, PAST);
  return path;
}

function attempt(run: () => void): CtxsyncError | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof CtxsyncError) return error;
    throw error;
  }
  return undefined;
}

/** The number of files that this process has open; 0 where it is unknown. */
function openFiles(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}

function expectChanged({ error, bytes }: Attempt, happened: string): void {
  expect(error).toMatchObject({ code: 'source-changed', path: 'web/file' });
  expect(error?.message).toContain(`web/file ${happened} while the context was read`);
  expect(bytes.includes(SECRET)).toBe(false);
  expect(() => readTree(bytes)).toThrow(CtxsyncError);
}

test('all entries of a walk are packed with their content', () =>
  withDirectory((directory) => {
    const names = ['a-empty', 'b-small', 'c-large'];
    const sizes = [0, 5, 100_000];
    const files = names.map((name, i) => look(makeFile(directory, name, sizes[i]!), name));
    const { fsPath, identity } = files[0]!;
    const others = [
      { ...anEntry({ path: '', kind: 'directory' }), fsPath, identity },
      { ...anEntry({ path: 'link', kind: 'symlink', link: 'b-small' }), fsPath, identity },
      { ...anEntry({ path: 'same', kind: 'hardlink', link: 'b-small' }), fsPath, identity },
    ];
    const sink = new MemorySink({ rooms: [ROOM, 1, 512] });
    const status = new WorkerStatus();
    pack([others[0]!, ...files, others[1]!, others[2]!], sink, status, new UnreadablePaths());

    const entries = readTree(sink.bytes());
    const paths = entries.map(({ entry }) => entry.path);
    expect(paths).toEqual(['', ...names, 'link', 'same']);
    for (const [i, size] of sizes.entries()) {
      expect(Buffer.compare(entries[i + 1]!.content, someBytes(size))).toBe(0);
    }
    // The root does not count as an entry.
    expect(status.read()).toMatchObject({ entries: 5, bytes: 100_005 });
  }));

test('a context without entries is packed as an empty stream', () => {
  const sink = new MemorySink();
  pack([], sink, new WorkerStatus(), new UnreadablePaths());
  expect(readTree(sink.bytes())).toEqual([]);
});

describe('a file that changes while it is read', () => {
  test('fails if it grew', async () => {
    const outcome = await packWhile('reading', (file) => appendFileSync(file, 'more'));
    expectChanged(outcome, 'grew');
  });

  test('fails if it shrank below what was read', async () => {
    const outcome = await packWhile('reading', (file) => truncateSync(file, 10));
    expectChanged(outcome, 'shrank');
  });

  test('fails if it shrank by its last byte', async () => {
    const outcome = await packWhile('reading', (file) => truncateSync(file, SIZE - 1));
    expectChanged(outcome, 'shrank');
  });

  test('fails if it was written to, even with the same size', async () => {
    const outcome = await packWhile('reading', (file) => writeFileSync(file, someBytes(SIZE, 1)));
    expectChanged(outcome, 'was written to');
  });

  test('fails if it was replaced by a rename', async () => {
    const outcome = await packWhile('reading', (file, directory) =>
      renameSync(makeFile(directory, 'other', SIZE), file),
    );
    expectChanged(outcome, 'was replaced or removed');
  });

  test('fails if it was removed', async () => {
    expectChanged(await packWhile('reading', unlinkSync), 'was replaced or removed');
  });

  test('is packed if it only got a second name', async () => {
    const { error, bytes } = await packWhile('reading', (file, directory) =>
      linkSync(file, join(directory, 'second')),
    );
    expect(error).toBeUndefined();
    expect(Buffer.compare(readTree(bytes)[0]!.content, someBytes(SIZE))).toBe(0);
  });
});

describe('a file that changes between the walk and the reading', () => {
  test('fails if it vanished', async () => {
    expectChanged(await packWhile('opening', unlinkSync), 'vanished');
  });

  test('fails if it grew', async () => {
    expectChanged(await packWhile('opening', (file) => appendFileSync(file, 'more')), 'grew');
  });

  test('fails if it shrank to nothing', async () => {
    expectChanged(await packWhile('opening', (file) => truncateSync(file, 0)), 'shrank');
  });

  test('fails if it was replaced by another of the same size and time', async () => {
    const outcome = await packWhile('opening', (file, directory) => {
      renameSync(file, join(directory, 'aside'));
      makeFile(directory, 'file', SIZE);
    });
    expectChanged(outcome, 'was replaced');
  });

  test('fails if it was replaced by a symlink, which is not followed', async () => {
    const outcome = await packWhile('opening', (file) => {
      unlinkSync(file);
      symlinkSync('outside', file);
    });
    expectChanged(outcome, 'was replaced');
  });

  test('fails if it was replaced by a directory', async () => {
    const outcome = await packWhile('opening', (file) => {
      unlinkSync(file);
      mkdirSync(file);
    });
    expectChanged(outcome, 'was replaced');
  });

  test('fails without hanging if it was replaced by a FIFO', async () => {
    const outcome = await packWhile('opening', (file) => {
      unlinkSync(file);
      execFileSync('mkfifo', [file]);
    });
    expectChanged(outcome, 'was replaced');
  });

  test('fails if it lost the directory above it', () =>
    withDirectory((directory) => {
      mkdirSync(join(directory, 'web'));
      const seen = look(makeFile(directory, 'web/file', 1), 'web/file');
      renameSync(join(directory, 'web'), join(directory, 'aside'));
      const sink = new MemorySink();
      const error = attempt(() => pack([seen], sink, new WorkerStatus(), new UnreadablePaths()));
      expectChanged({ error, bytes: sink.bytes() }, 'vanished');
      writeFileSync(join(directory, 'web'), 'a file now');
      const again = attempt(() => pack([seen], sink, new WorkerStatus(), new UnreadablePaths()));
      expectChanged({ error: again, bytes: sink.bytes() }, 'was replaced');
    }));
});

describe.runIf(process.platform === 'linux')(
  'a file whose size differs from that of its content',
  () => {
    const hasSys = existsSync(SYS_FILE);

    test('fails if it has content, but the size 0', () => {
      expectOtherSize('/proc/version', 'more content than its size says (0 bytes)');
    });

    test.runIf(hasSys)('fails if it has less content than its size', () => {
      expectOtherSize(SYS_FILE, 'less content than its size says (4096 bytes)');
    });

    test('also fails if contents are compared', () => {
      for (const path of ['/proc/version', ...(hasSys ? [SYS_FILE] : [])]) {
        expect(attempt(() => hashSource(look(path, 'web/file'), new WorkerStatus()))).toMatchObject(
          {
            code: 'source-unreadable',
            message: expect.stringContaining('content than its size says'),
          },
        );
      }
    });

    function expectOtherSize(path: string, words: string): void {
      for (const rooms of [[1], [ROOM], [65_536]]) {
        const sink = new MemorySink({ rooms });
        const seen = look(path, 'web/file');
        const error = attempt(() => pack([seen], sink, new WorkerStatus(), new UnreadablePaths()));
        expect(error).toMatchObject({ code: 'source-unreadable', path: 'web/file' });
        expect(error?.message).toContain(`cannot read web/file: it has ${words}`);
      }
    }
  },
);

test('a file is read up to one byte beyond its size, wherever the buffer ends', () =>
  withDirectory((directory) => {
    const seen = look(makeFile(directory, 'file', SIZE), 'web/file');
    // As on a disk that reports a wrong size: the walk saw less, and nothing changed.
    for (const size of [0, 1, ROOM - 1, ROOM, ROOM + 1, SIZE - 1]) {
      for (const rooms of [[1], [ROOM], [ROOM + 1], [65_536]]) {
        const less = { ...seen, size };
        const sink = new MemorySink({ rooms });
        const error = attempt(() => pack([less], sink, new WorkerStatus(), new UnreadablePaths()));
        expect(error?.message, `${size} of ${SIZE}`).toContain('it has more content');
      }
    }
  }));

describe('files that cannot be read', () => {
  test('are searched for after the first one, named and counted, and no content is sent', () =>
    withDirectory((directory) => {
      const seen = ['a', 'b', 'c', 'd', 'e'].map((name) =>
        look(makeFile(directory, name, name === 'c' ? SIZE : 1), `web/${name}`),
      );
      for (const name of ['a', 'b', 'd', 'e']) chmodSync(join(directory, name), 0);
      const told: string[] = [];
      const sink = new MemorySink();
      asNobody(directory, () => {
        const unreadable = new UnreadablePaths((path) => told.push(path));
        const error = attempt(() => pack(seen, sink, new WorkerStatus(), unreadable));
        expect(error).toMatchObject({ code: 'source-unreadable', path: 'web/a' });
        expect(error?.message).toBe(
          'cannot read 4 paths: web/a, web/b, web/d and 1 more; cannot read web/a: permission denied (EACCES)',
        );
      });
      expect(told).toEqual(['web/a', 'web/b', 'web/d', 'web/e']);
      expect(sink.bytes().length).toBeLessThan(SIZE);
    }));

  test('are searched for up to a limit', () =>
    withDirectory((directory) => {
      const seen = look(makeFile(directory, 'file', 1), 'web/file');
      const fsPath = join(directory, 'n'.repeat(300));
      let yielded = 0;
      const endless = (function* (): Generator<SourceEntry> {
        for (;;) {
          yielded += 1;
          yield { ...seen, fsPath };
        }
      })();
      const error = attempt(() =>
        pack(endless, new MemorySink(), new WorkerStatus(), new UnreadablePaths()),
      );
      expect(error?.message).toContain(`cannot read ${MAX_UNREADABLE_PATHS} paths: `);
      expect(yielded).toBe(MAX_UNREADABLE_PATHS);
    }));
});

describe('a file that cannot be read', () => {
  test('fails the transfer with path and cause', () =>
    withDirectory((directory) => {
      const seen = look(makeFile(directory, 'file', 5), 'web/file');
      // No system call accepts a name of this length, even from root.
      const fsPath = join(directory, 'n'.repeat(300));
      const error = attempt(() =>
        pack([{ ...seen, fsPath }], new MemorySink(), new WorkerStatus(), new UnreadablePaths()),
      );
      expect(error).toMatchObject({ code: 'source-unreadable', path: 'web/file' });
      expect(error?.message).toMatch(/^cannot read web\/file: name too long \(ENAMETOOLONG\)$/);
    }));

  test('fails the transfer because of its mode', () =>
    withDirectory((directory) => {
      const seen = look(makeFile(directory, 'file', SIZE), 'web/file');
      chmodSync(join(directory, 'file'), 0);
      asNobody(directory, () => {
        const error = attempt(() =>
          pack(
            [seen],
            new MemorySink({ rooms: [ROOM] }),
            new WorkerStatus(),
            new UnreadablePaths(),
          ),
        );
        expect(error).toMatchObject({
          code: 'source-unreadable',
          path: 'web/file',
          message: expect.stringMatching(/permission denied \(EACCES\)/),
        });
      });
    }));
});

test('packing stops before the next read when the work is cancelled', async () => {
  await withDirectory((directory) => {
    const seen = look(makeFile(directory, 'file', SIZE), 'file');
    const status = new WorkerStatus();
    const sink = new MemorySink({ rooms: [ROOM], beforeRoom: (at) => at === 2 && status.cancel() });
    expect(attempt(() => pack([seen], sink, status, new UnreadablePaths()))).toMatchObject({
      code: 'interrupted',
    });
    expect(status.read().bytes).toBe(ROOM);
  });
});
