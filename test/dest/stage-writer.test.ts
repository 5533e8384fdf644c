import { chmodSync, lstatSync, mkdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StageWriter } from '../../src/dest/stage-writer.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { toMicroseconds } from '../../src/disk/mtime.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { contentOf, toEntry, type EntryLike } from '../helpers/disk/stage.ts';
import { held } from '../helpers/disk/held.ts';

const MODES = [0, 0o1, 0o400, 0o444, 0o600, 0o644, 0o666, 0o700, 0o755, 0o777, 0o1644, 0o1777];

describe('a stage writer', () => {
  it.each([0o022, 0o077, 0o000])('sets exact modes with the umask 0%o', async (umask) => {
    await withDirectory((tree) => {
      const files = MODES.map((mode) => ({ path: `f${mode}`, mode, content: 'x' }));
      const directories = MODES.map((mode) => ({ path: `d${mode}/`, mode }));
      withUmask(umask, () => write(tree, [...files, ...directories], umask));
      for (const mode of MODES) {
        expect(modeOf(join(tree, `f${mode}`)).toString(8)).toBe(mode.toString(8));
        expect(modeOf(join(tree, `d${mode}`)).toString(8)).toBe(mode.toString(8));
      }
    });
  });

  it('sets exact times on files, symlinks and directories', async () => {
    await withDirectory((tree) => {
      const times = [-1_500_000, -1, 0, 1, 999_999_999_999_999, 4_000_000_000_000_001];
      write(
        tree,
        times.flatMap((mtimeUs) => [
          { path: `d${mtimeUs}/`, mtimeUs },
          { path: `d${mtimeUs}/f`, mtimeUs, content: 'x' },
          { path: `d${mtimeUs}/l`, mtimeUs, link: 'nowhere' },
        ]),
      );
      for (const mtimeUs of times) {
        for (const path of ['', '/f', '/l']) {
          expect(mtimeOf(join(tree, `d${mtimeUs}${path}`))).toBe(mtimeUs);
        }
      }
    });
  });

  it('fills directories that nobody may write to or enter, even without root', async () => {
    await withDirectory((tree) => {
      asNobody(tree, () => {
        write(tree, [
          { path: 'closed/', mode: 0o000 },
          { path: 'closed/sub/', mode: 0o111 },
          { path: 'closed/sub/file', mode: 0o000, content: 'secret' },
        ]);
        expect(modeOf(join(tree, 'closed'))).toBe(0);
        chmodSync(join(tree, 'closed'), 0o700);
        expect(modeOf(join(tree, 'closed/sub'))).toBe(0o111);
      });
    });
  });

  it('writes content that comes byte by byte, and nothing for an empty file', async () => {
    await withDirectory((tree) => {
      write(tree, [{ path: 'text', content: 'a longer text' }, { path: 'empty' }]);
      expect(readFileSync(join(tree, 'text'), 'utf8')).toBe('a longer text');
      expect(lstatSync(join(tree, 'empty')).size).toBe(0);
    });
  });

  it('creates symlinks with their text byte for byte, and hardlinks to one file', async () => {
    await withDirectory((tree) => {
      write(tree, [
        { path: 'file', content: 'x' },
        { path: 'd/' },
        { path: 'd/other', kind: 'hardlink', link: 'file' },
        { path: 'link', link: '/abs\xff/\n..' },
      ]);
      expect(readlinkSync(join(tree, 'link'), 'latin1')).toBe('/abs\xff/\n..');
      expect(statSync(join(tree, 'd/other')).ino).toBe(statSync(join(tree, 'file')).ino);
    });
  });

  it('replaces an earlier entry by a later one of the same path', async () => {
    await withDirectory((tree) => {
      const writer = new StageWriter(held(tree), 0o022, new WorkerStatus());
      const add = (given: EntryLike, again: boolean): void =>
        writer.add(toEntry(given), contentOf(given.content ?? ''), again);
      add({ path: 'd/', mode: 0o700 }, false);
      add({ path: 'd/f', content: 'first, and longer' }, false);
      add({ path: 'l', link: 'one' }, false);
      add({ path: 'd/', mode: 0o555 }, true);
      add({ path: 'd/f', content: 'second', mode: 0o600 }, true);
      add({ path: 'l', link: 'two' }, true);
      writer.end();
      expect(readFileSync(join(tree, 'd/f'), 'utf8')).toBe('second');
      expect(readlinkSync(join(tree, 'l'))).toBe('two');
      expect([modeOf(join(tree, 'd')), modeOf(join(tree, 'd/f'))]).toEqual([0o555, 0o600]);
    });
  });

  it("keeps the mode and time of the context's root for OUT, and its own root accessible", async () => {
    await withDirectory((tree) => {
      mkdirSync(join(tree, 'tree'), 0o700);
      const writer = write(join(tree, 'tree'), [{ path: '/', mode: 0o000, mtimeUs: 1_000_001 }]);
      expect(writer.root).toEqual({ mode: 0o000, mtimeUs: 1_000_001 });
      expect(modeOf(join(tree, 'tree'))).toBe(0o700);
      expect(write(tree, [{ path: 'no-root' }]).root).toBeUndefined();
    });
  });

  it.each<[EntryLike]>([
    [{ path: 'x', content: '1' }],
    [{ path: 'x/' }],
    [{ path: 'x', link: 'y' }],
  ])('refuses a path that another context has already created: %j', async (entry) => {
    await withDirectory((tree) => {
      write(tree, [{ path: 'x', link: 'elsewhere' }]);
      expect(() => write(tree, [entry])).toThrow(
        expect.objectContaining({ code: 'unsafe-entry', path: 'x' }),
      );
      expect(readlinkSync(join(tree, 'x'))).toBe('elsewhere');
    });
  });

  it('fails as not writable, with path and cause, if the disk refuses', async () => {
    await withDirectory((tree) => {
      expect(() => write(tree, [{ path: 'no/such/directory', content: 'x' }])).toThrow(
        expect.objectContaining({
          code: 'not-writable',
          path: 'no/such/directory',
          message: expect.stringContaining('no such file or directory (ENOENT)'),
        }),
      );
    });
  });

  it('stops before its next call when the work is cancelled', async () => {
    await withDirectory((tree) => {
      const status = new WorkerStatus();
      const writer = new StageWriter(held(tree), 0o022, status);
      status.cancel();
      expect(() => writer.add(toEntry({ path: 'x' }), contentOf(''), false)).toThrow(
        expect.objectContaining({ code: 'interrupted' }),
      );
    });
  });
});

function write(tree: string, entries: readonly EntryLike[], umask = process.umask()): StageWriter {
  const writer = new StageWriter(held(tree), umask, new WorkerStatus());
  for (const given of entries) writer.add(toEntry(given), contentOf(given.content ?? ''), false);
  writer.end();
  return writer;
}

function withUmask(umask: number, run: () => void): void {
  const before = process.umask(umask);
  try {
    run();
  } finally {
    process.umask(before);
  }
}

function modeOf(path: string): number {
  return lstatSync(path).mode & 0o7777;
}

function mtimeOf(path: string): number {
  return toMicroseconds(lstatSync(path, { bigint: true }).mtimeNs);
}
