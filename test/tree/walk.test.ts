import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import type { SourceEntry } from '../../src/entry/entry.ts';
import { MAX_DEPTH } from '../../src/limits.ts';
import { UnreadablePaths } from '../../src/disk/unreadable-paths.ts';
import { parseIgnoreFile } from '../../src/ignore/ignore-file.ts';
import { IgnoreRules } from '../../src/ignore/ignore-rules.ts';
import { walk } from '../../src/tree/walk.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';

describe('a walk', () => {
  it('yields the root first, parents before children, and "/" before every other byte', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/b': '', 'a/b!': '', 'a!b': '', 'a-b': '', 'a!/x': '', A: '', a0: '' });
      const paths = walkAll(root).paths;
      expect(paths).toEqual(['', 'A', 'a', 'a/b', 'a/b!', 'a!', 'a!/x', 'a!b', 'a-b', 'a0']);
      const asBytes = (path: string): string => path.replaceAll('/', '\0');
      expect(paths.map(asBytes)).toEqual(paths.map(asBytes).toSorted());
    });
  });

  it('yields kind, mode, size, time and link text of each entry', async () => {
    await withDirectory((root) => {
      writeTree(root, { file: 'four' });
      chmodSync(join(root, 'file'), 0o1640);
      utimesSync(join(root, 'file'), 1e9, 1_000_000_000.25);
      symlinkSync('../out of here', join(root, 'link'));
      mkdirSync(join(root, 'sub'));
      chmodSync(join(root, 'sub'), 0o1777);
      const { entries } = walkAll(root);
      expect(entries.slice(1)).toMatchObject([
        { path: 'file', kind: 'file', mode: 0o1640, size: 4, mtimeUs: 1_000_000_000_250_000 },
        { path: 'link', kind: 'symlink', size: 0, link: '../out of here' },
        { path: 'sub', kind: 'directory', mode: 0o1777, size: 0 },
      ]);
    });
  });

  it('yields names and link texts byte for byte', async () => {
    await withDirectory((root) => {
      const names = ['\xff\xfe', 'new\nline', 'caf\xc3\xa9', '-rf', 'back\\slash', ' '];
      for (const name of names) {
        symlinkSync(bytes(`${name} text`), bytes(`${root}/${name}`));
      }
      const found = walkAll(root).entries.slice(1);
      expect(found.map(({ path }) => path)).toEqual(names.toSorted());
      for (const { path, link } of found) expect(link).toBe(`${path} text`);
    });
  });

  it('yields each file once, and its other names as hardlinks to the first', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/one': '1', 'b/two': '2', 'b/single': 's' });
      linkSync(join(root, 'a/one'), join(root, 'a/uno'));
      linkSync(join(root, 'a/one'), join(root, 'z'));
      linkSync(join(root, 'b/two'), join(root, 'b/deux'));
      const links = walkAll(root).entries.filter(({ kind }) => kind === 'hardlink');
      expect(links.map(({ path, link }) => [path, link])).toEqual([
        ['a/uno', 'a/one'],
        ['b/two', 'b/deux'],
        ['z', 'a/one'],
      ]);
    });
  });

  it('yields a symlink with several names once, and hardlinks to it', async () => {
    await withDirectory((root) => {
      symlinkSync('nowhere', join(root, 'a'));
      linkSync(join(root, 'a'), join(root, 'b'));
      symlinkSync('nowhere', join(root, 'c'));
      expect(walkAll(root).entries.slice(1)).toMatchObject([
        { path: 'a', kind: 'symlink', link: 'nowhere', linked: true },
        { path: 'b', kind: 'hardlink', link: 'a' },
        { path: 'c', kind: 'symlink', link: 'nowhere' },
      ]);
    });
  });

  it('fails if a later name of a file leads to other content by then', async () => {
    await withDirectory((root) => {
      writeTree(root, { a: 'content' });
      linkSync(join(root, 'a'), join(root, 'b'));
      const entries = walk(root, { ...quiet(), status: new WorkerStatus() });
      const two = [entries.next().value, entries.next().value];
      expect(two).toMatchObject([{ path: '' }, { path: 'a', kind: 'file' }]);
      writeFileSync(join(root, 'b'), 'other content');
      expect(() => entries.next()).toThrow(
        expect.objectContaining({ code: 'source-changed', path: 'b' }),
      );
    });
  });

  it('fails if a directory is replaced by another between two looks at it', async () => {
    await withDirectory((directory) => {
      const root = join(directory, 'context');
      writeTree(root, { 'a/file': '' });
      writeTree(directory, { 'other/file': 'not of this context' });
      const entries = walk(root, { ...quiet(), status: new WorkerStatus() });
      entries.next();
      expect(entries.next().value).toMatchObject({ path: 'a', kind: 'directory' });
      renameSync(join(root, 'a'), join(directory, 'aside'));
      renameSync(join(directory, 'other'), join(root, 'a'));
      expect(() => entries.next()).toThrow(
        expect.objectContaining({ code: 'source-changed', path: 'a' }),
      );
    });
  });

  it('yields a file whose first name is ignored under its next name', async () => {
    await withDirectory((root) => {
      writeTree(root, { a: 'content' });
      linkSync(join(root, 'a'), join(root, 'b'));
      linkSync(join(root, 'a'), join(root, 'c'));
      const { entries } = walkAll(root, 'a\n');
      expect(entries.slice(1)).toMatchObject([
        { path: 'b', kind: 'file', size: 7 },
        { path: 'c', kind: 'hardlink', link: 'b' },
      ]);
    });
  });

  it('skips and names what is neither file, directory nor symlink, and never opens it', async () => {
    await withDirectory(async (root) => {
      writeTree(root, { file: '' });
      execFileSync('mkfifo', [join(root, 'fifo')]);
      const server = createServer().listen(join(root, 'socket'));
      await new Promise((resolve) => server.once('listening', resolve));
      try {
        const { paths, skipped } = walkAll(root);
        expect(paths).toEqual(['', 'file']);
        expect(skipped).toEqual([
          ['fifo', 'a FIFO'],
          ['socket', 'a socket'],
        ]);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    });
  });

  it.runIf(mayMakeDevices())('skips and names a device', async () => {
    await withDirectory((root) => {
      execFileSync('mknod', [join(root, 'null'), 'c', '1', '3']);
      expect(walkAll(root).skipped).toEqual([['null', 'a device']]);
    });
  });

  it('does not report an ignored FIFO', async () => {
    await withDirectory((root) => {
      execFileSync('mkfifo', [join(root, 'fifo')]);
      expect(walkAll(root, 'fifo\n')).toMatchObject({ paths: [''], skipped: [] });
    });
  });

  it('skips the work files of a receiver, wherever they are, and reports it', async () => {
    await withDirectory((root) => {
      const stage = '.ctxsync-0123456789abcdef';
      writeTree(root, { [`${stage}/tree/x`]: '', '.ctxsync-lock': '', '.ctxsync-notes': '' });
      writeTree(root, { [`sub/${stage}/x`]: '', 'sub/.ctxsync-lock': '', 'sub/.ctxsync-1': '' });
      const { paths, skipped } = walkAll(root);
      expect(paths).toEqual(['', 'sub']);
      const reason = "a receiver's own work file";
      expect(skipped).toEqual([
        [stage, reason],
        ['.ctxsync-lock', reason],
        ['.ctxsync-notes', reason],
        [`sub/${stage}`, reason],
        ['sub/.ctxsync-1', reason],
        ['sub/.ctxsync-lock', reason],
      ]);
    });
  });

  it('reports once an entry that loses both setuid and a part of its time', async (test) => {
    await withDirectory((root) => {
      const path = join(root, 'far');
      writeFileSync(path, '');
      const after2255 = Date.UTC(2260, 0, 1) / 1000;
      utimesSync(path, after2255, after2255);
      if (statSync(path).mtime.getUTCFullYear() !== 2260) test.skip('no such times on this disk');
      chmodSync(path, 0o4644);
      expect(walkAll(root).changed).toEqual([
        ['far', 'setuid and setgid are dropped; its mtime is cut to microseconds'],
      ]);
    });
  });

  it('drops setuid and setgid of a file and reports it, and keeps sticky', async () => {
    await withDirectory((root) => {
      for (const [name, mode] of [
        ['plain', 0o755],
        ['setgid', 0o2755],
        ['setuid', 0o5755],
      ] as const) {
        writeFileSync(join(root, name), '');
        chmodSync(join(root, name), mode);
      }
      const { entries, changed } = walkAll(root);
      expect(entries.slice(1).map(({ mode }) => mode)).toEqual([0o755, 0o755, 0o1755]);
      expect(changed).toEqual([
        ['setgid', 'setuid and setgid are dropped'],
        ['setuid', 'setuid and setgid are dropped'],
      ]);
    });
  });

  it('refuses directories that are nested too deeply, and names one', async () => {
    await withDirectory((root) => {
      mkdirSync(join(root, 'd/'.repeat(MAX_DEPTH)), { recursive: true });
      expect(() => walkAll(root)).toThrow(
        expect.objectContaining({ code: 'over-limit', path: expect.stringMatching(/^d(\/d)+$/) }),
      );
    });
  });

  it('ends before its next disk access when the work is cancelled', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/x': '', b: '' });
      const status = new WorkerStatus();
      const entries = walk(root, { ...quiet(), status });
      entries.next();
      status.cancel();
      expect(() => entries.next()).toThrow(expect.objectContaining({ code: 'interrupted' }));
    });
  });
});

interface Walked {
  entries: SourceEntry[];
  paths: string[];
  skipped: [path: string, reason: string][];
  changed: [path: string, reason: string][];
}

function walkAll(root: string, ignoreFile = ''): Walked {
  const skipped: Walked['skipped'] = [];
  const changed: Walked['changed'] = [];
  const entries = [
    ...walk(root, {
      rules: new IgnoreRules(parseIgnoreFile(Buffer.from(ignoreFile), '.dockerignore')),
      status: new WorkerStatus(),
      unreadable: new UnreadablePaths(),
      onSkipped: (...note) => skipped.push(note),
      onChanged: (...note) => changed.push(note),
    }),
  ];
  return { entries, paths: entries.map(({ path }) => path), skipped, changed };
}

function quiet(): Omit<Parameters<typeof walk>[1], 'status'> {
  return {
    rules: new IgnoreRules([]),
    unreadable: new UnreadablePaths(),
    onSkipped: () => {},
    onChanged: () => {},
  };
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

function mayMakeDevices(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}
