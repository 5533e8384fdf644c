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
import { hashSource, pack } from '../../src/tar/pack.ts';
import { UnreadablePaths } from '../../src/disk/unreadable-paths.ts';
import { Gauge } from '../../src/disk/worker-status.ts';
import { toMicroseconds } from '../../src/disk/mtime.ts';
import type { SourceEntry } from '../../src/entry/entry.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { MAX_UNREADABLE_PATHS } from '../../src/limits.ts';
import { anEntry, MemorySink, readArchive } from '../helpers/trees/archive-io.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withFolder } from '../helpers/trees/temporary-directory.ts';
import { someBytes } from '../helpers/wire/harness.ts';

const ROOM = 4_096;
const SIZE = 10_000;
const PAST = new Date('2020-01-02T03:04:05Z');
const SYS_FILE = '/sys/kernel/mm/transparent_hugepage/enabled';
const SECRET = 'content from outside of the context';

/** What a walk sees of a file now. */
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
 * Packs a file of SIZE bytes, through rooms of ROOM bytes, while `act` does something to it.
 *
 * @param turn 'opening': the walk has seen it, and it is not open yet. 'reading': ROOM bytes of it
 *   were read
 */
function packWhile(
  turn: 'opening' | 'reading',
  act: (file: string, folder: string) => void,
): Promise<Attempt> {
  return withFolder((folder) => {
    const file = makeFile(folder, 'file', SIZE);
    writeFileSync(join(folder, 'outside'), SECRET.repeat(SIZE));
    const seen = look(file, 'web/file');
    // The header takes the first turn, content the ones after it.
    const beforeRoom = (at: number) => {
      if (turn === 'reading' && at === 2) act(file, folder);
    };
    const sink = new MemorySink({ rooms: [ROOM], beforeRoom });
    const open = openFiles();
    if (turn === 'opening') act(file, folder);
    const error = attempt(() => pack([seen], sink, new Gauge(), new UnreadablePaths()));
    expect(openFiles()).toBe(open);
    return { bytes: sink.bytes(), error };
  });
}

function makeFile(folder: string, name: string, size: number): string {
  const path = join(folder, name);
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

/** How many files this process has open, where that can be told. */
function openFiles(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}

function expectChanged({ error, bytes }: Attempt, happened: string): void {
  expect(error).toMatchObject({ code: 'source-changed', path: 'web/file' });
  expect(error?.message).toContain(`web/file ${happened} while the context was read`);
  expect(bytes.includes(SECRET)).toBe(false);
  expect(() => readArchive(bytes)).toThrow(CtxsyncError);
}

test('what a walk yields is packed, content and all', () =>
  withFolder((folder) => {
    const names = ['empty', 'small', 'large'];
    const sizes = [0, 5, 100_000];
    const files = names.map((name, i) => look(makeFile(folder, name, sizes[i]!), name));
    const { fsPath, identity } = files[0]!;
    const others = [
      { ...anEntry({ path: '', kind: 'folder' }), fsPath, identity },
      { ...anEntry({ path: 'link', kind: 'symlink', link: 'small' }), fsPath, identity },
      { ...anEntry({ path: 'same', kind: 'hardlink', link: 'small' }), fsPath, identity },
    ];
    const sink = new MemorySink({ rooms: [ROOM, 1, 512] });
    const gauge = new Gauge();
    pack([others[0]!, ...files, others[1]!, others[2]!], sink, gauge, new UnreadablePaths());

    const members = readArchive(sink.bytes());
    const paths = members.map(({ member }) => member.path);
    expect(paths).toEqual(['./', ...names, 'link', 'same']);
    for (const [i, size] of sizes.entries()) {
      expect(members[i + 1]!.content.equals(someBytes(size))).toBe(true);
    }
    // The root is no entry.
    expect(gauge.read()).toMatchObject({ entries: 5, bytes: 100_005 });
  }));

test('a context of nothing is an archive of nothing', () => {
  const sink = new MemorySink();
  pack([], sink, new Gauge(), new UnreadablePaths());
  expect(readArchive(sink.bytes())).toEqual([]);
});

describe('a file that changes while it is read', () => {
  test('grew', async () => {
    const outcome = await packWhile('reading', (file) => appendFileSync(file, 'more'));
    expectChanged(outcome, 'grew');
  });

  test('shrank below what was read', async () => {
    const outcome = await packWhile('reading', (file) => truncateSync(file, 10));
    expectChanged(outcome, 'shrank');
  });

  test('shrank by its last byte', async () => {
    const outcome = await packWhile('reading', (file) => truncateSync(file, SIZE - 1));
    expectChanged(outcome, 'shrank');
  });

  test('was written to, with the same size', async () => {
    const outcome = await packWhile('reading', (file) => writeFileSync(file, someBytes(SIZE, 1)));
    expectChanged(outcome, 'was written to');
  });

  test('was replaced by rename', async () => {
    const outcome = await packWhile('reading', (file, folder) =>
      renameSync(makeFile(folder, 'other', SIZE), file),
    );
    expectChanged(outcome, 'was replaced or removed');
  });

  test('was removed', async () => {
    expectChanged(await packWhile('reading', unlinkSync), 'was replaced or removed');
  });

  test('is whole when it only got a second name', async () => {
    const { error, bytes } = await packWhile('reading', (file, folder) =>
      linkSync(file, join(folder, 'second')),
    );
    expect(error).toBeUndefined();
    expect(readArchive(bytes)[0]!.content.equals(someBytes(SIZE))).toBe(true);
  });
});

describe('a file that changes between the walk and the reading', () => {
  test('vanished', async () => {
    expectChanged(await packWhile('opening', unlinkSync), 'vanished');
  });

  test('grew', async () => {
    expectChanged(await packWhile('opening', (file) => appendFileSync(file, 'more')), 'grew');
  });

  test('shrank to nothing', async () => {
    expectChanged(await packWhile('opening', (file) => truncateSync(file, 0)), 'shrank');
  });

  test('was replaced by another of the same size and time', async () => {
    const outcome = await packWhile('opening', (file, folder) => {
      renameSync(file, join(folder, 'aside'));
      makeFile(folder, 'file', SIZE);
    });
    expectChanged(outcome, 'was replaced');
  });

  test('was replaced by a symlink, which is not followed', async () => {
    const outcome = await packWhile('opening', (file) => {
      unlinkSync(file);
      symlinkSync('outside', file);
    });
    expectChanged(outcome, 'was replaced');
  });

  test('was replaced by a folder', async () => {
    const outcome = await packWhile('opening', (file) => {
      unlinkSync(file);
      mkdirSync(file);
    });
    expectChanged(outcome, 'was replaced');
  });

  test('was replaced by a FIFO, which does not hang us', async () => {
    const outcome = await packWhile('opening', (file) => {
      unlinkSync(file);
      execFileSync('mkfifo', [file]);
    });
    expectChanged(outcome, 'was replaced');
  });

  test('lost the folder above it', () =>
    withFolder((folder) => {
      mkdirSync(join(folder, 'web'));
      const seen = look(makeFile(folder, 'web/file', 1), 'web/file');
      renameSync(join(folder, 'web'), join(folder, 'aside'));
      const sink = new MemorySink();
      const error = attempt(() => pack([seen], sink, new Gauge(), new UnreadablePaths()));
      expectChanged({ error, bytes: sink.bytes() }, 'vanished');
      writeFileSync(join(folder, 'web'), 'a file now');
      const again = attempt(() => pack([seen], sink, new Gauge(), new UnreadablePaths()));
      expectChanged({ error: again, bytes: sink.bytes() }, 'was replaced');
    }));
});

describe.runIf(process.platform === 'linux')('a file whose size is not that of its content', () => {
  const hasSys = existsSync(SYS_FILE);

  test('has content, and its size says 0', () => {
    expectOtherSize('/proc/version', 'more content than its size says (0 bytes)');
  });

  test.runIf(hasSys)('has less than its size says', () => {
    expectOtherSize(SYS_FILE, 'less content than its size says (4096 bytes)');
  });

  test('fails where contents are compared, too', () => {
    for (const path of ['/proc/version', ...(hasSys ? [SYS_FILE] : [])]) {
      expect(attempt(() => hashSource(look(path, 'web/file'), new Gauge()))).toMatchObject({
        code: 'source-unreadable',
        message: expect.stringContaining('content than its size says'),
      });
    }
  });

  function expectOtherSize(path: string, words: string): void {
    for (const rooms of [[1], [ROOM], [65_536]]) {
      const sink = new MemorySink({ rooms });
      const seen = look(path, 'web/file');
      const error = attempt(() => pack([seen], sink, new Gauge(), new UnreadablePaths()));
      expect(error).toMatchObject({ code: 'source-unreadable', path: 'web/file' });
      expect(error?.message).toContain(`cannot read web/file: it has ${words}`);
    }
  }
});

test('a file is asked for one byte after its last, wherever the room for it ends', () =>
  withFolder((folder) => {
    const seen = look(makeFile(folder, 'file', SIZE), 'web/file');
    // As on a disk that does not know how much there is: the walk saw less, and nothing changed.
    for (const size of [0, 1, ROOM - 1, ROOM, ROOM + 1, SIZE - 1]) {
      for (const rooms of [[1], [ROOM], [ROOM + 1], [65_536]]) {
        const less = { ...seen, size };
        const sink = new MemorySink({ rooms });
        const error = attempt(() => pack([less], sink, new Gauge(), new UnreadablePaths()));
        expect(error?.message, `${size} of ${SIZE}`).toContain('it has more content');
      }
    }
  }));

describe('files that cannot be read', () => {
  test('are looked for when the first was found; they are named and counted, and nothing is sent', () =>
    withFolder((folder) => {
      const seen = ['a', 'b', 'c', 'd', 'e'].map((name) =>
        look(makeFile(folder, name, name === 'c' ? SIZE : 1), `web/${name}`),
      );
      for (const name of ['a', 'b', 'd', 'e']) chmodSync(join(folder, name), 0);
      const told: string[] = [];
      const sink = new MemorySink();
      asNobody(folder, () => {
        const unreadable = new UnreadablePaths((path) => told.push(path));
        const error = attempt(() => pack(seen, sink, new Gauge(), unreadable));
        expect(error).toMatchObject({ code: 'source-unreadable', path: 'web/a' });
        expect(error?.message).toBe(
          'cannot read 4 paths: web/a, web/b, web/d and 1 more; cannot read web/a: permission denied (EACCES)',
        );
      });
      expect(told).toEqual(['web/a', 'web/b', 'web/d', 'web/e']);
      expect(sink.bytes().length).toBeLessThan(SIZE);
    }));

  test('are looked for up to a bound', () =>
    withFolder((folder) => {
      const seen = look(makeFile(folder, 'file', 1), 'web/file');
      const fsPath = join(folder, 'n'.repeat(300));
      let yielded = 0;
      const endless = (function* (): Generator<SourceEntry> {
        for (;;) {
          yielded += 1;
          yield { ...seen, fsPath };
        }
      })();
      const error = attempt(() =>
        pack(endless, new MemorySink(), new Gauge(), new UnreadablePaths()),
      );
      expect(error?.message).toContain(`cannot read ${MAX_UNREADABLE_PATHS} paths: `);
      expect(yielded).toBe(MAX_UNREADABLE_PATHS);
    }));
});

describe('a file that cannot be read', () => {
  test('fails the transfer with path and cause', () =>
    withFolder((folder) => {
      const seen = look(makeFile(folder, 'file', 5), 'web/file');
      // No system call takes a name of this length, whoever asks.
      const fsPath = join(folder, 'n'.repeat(300));
      const error = attempt(() =>
        pack([{ ...seen, fsPath }], new MemorySink(), new Gauge(), new UnreadablePaths()),
      );
      expect(error).toMatchObject({ code: 'source-unreadable', path: 'web/file' });
      expect(error?.message).toMatch(/^cannot read web\/file: name too long \(ENAMETOOLONG\)$/);
    }));

  test('because of its mode', () =>
    withFolder((folder) => {
      const seen = look(makeFile(folder, 'file', SIZE), 'web/file');
      chmodSync(join(folder, 'file'), 0);
      asNobody(folder, () => {
        const error = attempt(() =>
          pack([seen], new MemorySink({ rooms: [ROOM] }), new Gauge(), new UnreadablePaths()),
        );
        expect(error).toMatchObject({
          code: 'source-unreadable',
          path: 'web/file',
          message: expect.stringMatching(/permission denied \(EACCES\)/),
        });
      });
    }));
});

test('work that was given up ends before the next read', async () => {
  await withFolder((folder) => {
    const seen = look(makeFile(folder, 'file', SIZE), 'file');
    const gauge = new Gauge();
    const sink = new MemorySink({ rooms: [ROOM], beforeRoom: (at) => at === 2 && gauge.cancel() });
    expect(attempt(() => pack([seen], sink, gauge, new UnreadablePaths()))).toMatchObject({
      code: 'interrupted',
    });
    expect(gauge.read().bytes).toBe(ROOM);
  });
});
