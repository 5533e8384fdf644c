import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  fstatSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromText, isBeneath } from '../../src/disk/byte-path.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import type { ManifestEntry, SourceEntry, Want } from '../../src/entry/entry.ts';
import { WantReader } from '../../src/entry/wants.ts';
import { walkWanted } from '../../src/tree/walk-wanted.ts';
import { aListed, MemorySource } from '../helpers/trees/archive-io.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { bare, entriesOf, walkOptions, wantBytes } from '../helpers/cli/incremental.ts';
import { makeRandomTree } from '../helpers/trees/random-tree.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { seeded } from '../helpers/seeded.ts';

const SHA256 = '0123456789abcdef'.repeat(4);
const IGNORE_FILES = ['', 'a\n', '*\n!**/a\n', '**/b\n!b/a\n!a-b/*/z\n', '*\n!z\n!a*\n**/z/a\n'];

describe('a walk of the wanted entries', () => {
  it('yields for any part of a context exactly what a whole walk yields for it', async () => {
    for (let seed = 0; seed < 100; seed++) {
      await withDirectory((root) => {
        const random = seeded(seed);
        makeRandomTree(root, random);
        const ignoreFile = IGNORE_FILES[seed % IGNORE_FILES.length]!;
        const all = entriesOf(root, ignoreFile);
        const part = closed(
          all,
          all.filter(() => random(4) === 0),
        );
        expect(walked(root, part, ignoreFile), `seed ${seed}`).toEqual(part);
      });
    }
  });

  it('yields everything if everything is wanted, and nothing if nothing is', async () => {
    await withDirectory((root) => {
      makeRandomTree(root, seeded(7));
      const all = entriesOf(root);
      expect(walked(root, all)).toEqual(all);
      expect(walked(root, [])).toEqual([]);
      expect(walked(root, all.slice(0, 1))).toEqual(all.slice(0, 1));
    });
  });

  it('reports which content a file can be sent without', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'sub/file': '', other: '' });
      symlinkSync('other', join(root, 'link'));
      const wants = wantsOf(root, '', 'link', 'other', 'sub', 'sub/file');
      wants.find(({ path }) => path === 'sub/file')!.sha256 = SHA256;
      const omitted = Array.from(walkFor(root, wants), ({ path, omitIf }) => [path, omitIf]);
      expect(Object.fromEntries(omitted)).toEqual({
        '': undefined,
        link: undefined,
        other: undefined,
        sub: undefined,
        'sub/file': SHA256,
      });
    });
  });

  it('holds a wanted file open, also one whose content may be omitted, until it continues', async () => {
    await withDirectory((root) => {
      writeTree(root, { a: 'first', 'sub/c': 'second' });
      const wants = wantsOf(root, '', 'a', 'sub', 'sub/c');
      wants.find(({ path }) => path === 'sub/c')!.sha256 = SHA256;
      const contents: (string | undefined)[] = [];
      const opened: number[] = [];
      for (const { fd } of walkFor(root, wants)) {
        for (const before of opened.splice(0)) expect(() => fstatSync(before)).toThrow('EBADF');
        contents.push(fd === undefined ? undefined : readFileSync(fd, 'utf8'));
        if (fd !== undefined) opened.push(fd);
      }
      expect(contents).toEqual([undefined, 'first', undefined, 'second']);
      for (const before of opened) expect(() => fstatSync(before)).toThrow('EBADF');
    });
  });

  it('reads nothing else, and lists no directory', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/wanted': '', 'a/other': '', 'b/x': '', c: '' });
      const looks: string[] = [];
      class WatchedGauge extends WorkerStatus {
        override enter(...[state, path = '']: Parameters<WorkerStatus['enter']>): void {
          super.enter(state, path);
          looks.push(path);
        }
      }
      const wants = readerOf(wantsOf(root, '', 'a', 'a/wanted'));
      expect([...walkWanted(root, wants, walkOptions('', new WatchedGauge()))]).toHaveLength(3);
      expect(looks).toEqual([root, 'a', 'a', 'a/wanted']);
    });
  });
});

describe('a want that was never offered', () => {
  it.each<[what: string, paths: string[], at: string]>([
    ['something without the root', ['a'], 'a'],
    ['the directory above', ['', '..'], '..'],
    ['something beside the context', ['', '../outside'], '../outside'],
    ['something above, through a directory', ['', 'a', 'a/../../outside'], 'a/../../outside'],
    ['a directory by its dots', ['', 'a', 'a/..'], 'a/..'],
    ['the directory itself', ['', '.'], '.'],
    ['a directory by a dot', ['', 'a', 'a/.'], 'a/.'],
    ['an absolute path', ['', '/etc'], '/etc'],
    ['an absolute path of a name that is there', ['', '/a'], '/a'],
    ['an absolute path below it', ['', '/etc/passwd'], '/etc/passwd'],
    ['an empty name', ['', 'a', 'a/'], 'a/'],
    ['an empty name on the way', ['', 'a', 'a//file'], 'a//file'],
    ['what is in a directory that is not wanted', ['', 'a/file'], 'a/file'],
    ['what is in a file', ['', 'z', 'z/x'], 'z/x'],
    ['an ignored file', ['', 'secret'], 'secret'],
    ['an ignored directory', ['', 'secrets'], 'secrets'],
    ['what is in an ignored directory', ['', 'secrets', 'secrets/x'], 'secrets'],
    ["a receiver's lock", ['', '.ctxsync-lock'], '.ctxsync-lock'],
    ["a receiver's stage", ['', 'a', 'a/.ctxsync-0123456789abcdef'], 'a/.ctxsync-0123456789abcdef'],
  ])('fails as corrupt: %s', async (what, paths, at) => {
    await withDirectory((directory) => {
      const root = join(directory, 'context');
      makeContext(root);
      writeFileSync(join(directory, 'outside'), 'outside');
      const yielded: SourceEntry[] = [];
      const code = what === 'what is in a file' ? 'source-changed' : 'corrupt';
      expect(() => {
        for (const entry of walkFor(root, wantsOf(root, ...paths), 'secret*\n'))
          yielded.push(entry);
      }).toThrow(expect.objectContaining({ code, path: code === 'corrupt' ? at : 'z' }));
      expect(yielded.map(({ path }) => path)).toEqual(paths.slice(0, yielded.length));
      expect(yielded.length).toBeLessThan(paths.length);
    });
  });

  it('is named, even if it is the root', async () => {
    await withDirectory((root) => {
      expect(() => [...walkFor(root, wantsOf(root, 'x\ny'))]).toThrow(
        'the receiver wants x\\x0ay, which it was not offered',
      );
    });
  });

  it('is not sent if only an exception might have offered it', async () => {
    await withDirectory((root) => {
      makeContext(root);
      const wants = wantsOf(root, '', 'secret');
      expect(() => [...walkFor(root, wants, '*\n!**/file\n')]).toThrow(
        expect.objectContaining({ path: 'secret' }),
      );
    });
  });

  it('is corrupt when out of order or repeated', async () => {
    await withDirectory((root) => {
      makeContext(root);
      for (const paths of [
        ['', 'z', 'a'],
        ['', 'z', 'z'],
        ['', 'a', 'z', 'a/file'],
      ]) {
        expect(() => [...walkFor(root, wantsOf(root, ...paths))]).toThrow(
          expect.objectContaining({ code: 'corrupt', message: expect.stringContaining('order') }),
        );
      }
    });
  });
});

describe('a context that changed since it was offered', () => {
  it.each<[what: string, change: (root: string) => void, happened: string, path: string]>([
    ['lost a file', (root) => unlinkSync(join(root, 'a/file')), 'vanished', 'a/file'],
    ['lost a directory', (root) => rmSync(join(root, 'a'), { recursive: true }), 'vanished', 'a'],
    ['has a symlink for a directory', leadOut, 'was a directory and became a symlink', 'a'],
    [
      'has a file for a directory',
      (root) => swap(root, writeEmpty),
      'was a directory and became a file',
      'a',
    ],
    ['has a FIFO for a directory', (root) => swap(root, makeFifo), 'was replaced', 'a'],
    ['has another directory for a directory', swapDirectory, 'was replaced', 'a'],
    [
      'has a directory for a file',
      (root) => swap(root, makeDirectory, 'z'),
      'was a file and became a directory',
      'z',
    ],
    [
      'has a symlink for a file',
      (root) => swap(root, linkAside, 'z'),
      'was a file and became a symlink',
      'z',
    ],
    [
      'has a hardlink for a file',
      (root) => swap(root, linkFile, 'z'),
      'was a file and became a hardlink',
      'z',
    ],
    [
      'has another file for a file',
      (root) => swap(root, writeEmpty, 'z'),
      'was replaced or written to',
      'z',
    ],
    ['has another file like it for a file', swapTwin, 'was replaced or written to', 'z'],
    [
      'has a file that was written to',
      (root) => appendFileSync(join(root, 'z'), '.'),
      'was replaced or written to',
      'z',
    ],
    [
      'has a directory for a symlink',
      (root) => swap(root, makeDirectory, 'y'),
      'was a symlink and became a directory',
      'y',
    ],
    [
      'has another symlink for a symlink',
      (root) => swap(root, linkAside, 'y'),
      'was replaced',
      'y',
    ],
    [
      'has a file for a hardlink',
      (root) => swap(root, writeEmpty, 'x'),
      'was a hardlink and became a file',
      'x',
    ],
    ['has another directory for its root', swapRoot, 'was replaced', './'],
  ])('fails as changed if it %s', async (_, change, happened, path) => {
    await withDirectory((directory) => {
      const root = join(directory, 'context');
      makeContext(root);
      writeTree(join(directory, 'elsewhere'), { file: 'secret' });
      linkSync(join(root, 'a/file'), join(root, 'x'));
      symlinkSync('a', join(root, 'y'));
      const wants = wantsOf(root, '', 'a', 'a/file', 'x', 'y', 'z');
      change(root);
      const yielded: string[] = [];
      expect(() => {
        for (const entry of walkFor(root, wants)) yielded.push(entry.path);
      }).toThrow(
        expect.objectContaining({
          code: 'source-changed',
          path,
          message: expect.stringContaining(`${path} ${happened}`),
        }),
      );
      expect(yielded).not.toContain(path);
    });
  });

  it('fails if a directory becomes a symlink between two looks at it', async () => {
    await withDirectory((directory) => {
      const root = join(directory, 'context');
      makeContext(root);
      writeTree(join(directory, 'elsewhere'), { file: 'secret' });
      const entries = walkFor(root, wantsOf(root, '', 'a', 'a/file'));
      entries.next();
      expect(entries.next().value).toMatchObject({ path: 'a', kind: 'directory' });
      leadOut(root);
      expect(() => entries.next()).toThrow(
        expect.objectContaining({ code: 'source-changed', path: 'a' }),
      );
    });
  });
});

function makeContext(root: string): void {
  writeTree(root, { 'a/file': 'f', z: 'z', secret: 's', 'secrets/x': 'x', '.ctxsync-lock': '' });
  mkdirSync(join(root, 'a/.ctxsync-0123456789abcdef'));
}

function leadOut(root: string): void {
  swap(root, (path) => symlinkSync('../elsewhere', path));
}

function swap(root: string, make: (path: string) => void, name = 'a'): void {
  renameSync(join(root, name), join(root, '../aside'));
  make(join(root, name));
}

/** Swaps a directory for one with the same content and the same times. */
function swapDirectory(root: string): void {
  swap(root, (path) => execFileSync('cp', ['-a', join(root, '../aside'), path]));
}

/** Swaps a file for one with the same content and the same times. */
function swapTwin(root: string): void {
  swap(root, (path) => execFileSync('cp', ['-a', join(root, '../aside'), path]), 'z');
}

function swapRoot(root: string): void {
  renameSync(root, `${root}~`);
  execFileSync('cp', ['-a', `${root}~`, root]);
}

function makeDirectory(path: string): void {
  mkdirSync(path);
}

function linkAside(path: string): void {
  symlinkSync('../aside', path);
}

/** Links a file to one that the walk meets before it. */
function linkFile(path: string): void {
  linkSync(join(path, '../a/file'), path);
}

function writeEmpty(path: string): void {
  writeFileSync(path, '');
}

function makeFifo(path: string): void {
  execFileSync('mkfifo', [path]);
}

/** These entries, the directories above them, and the first names of hardlinks. */
function closed(all: readonly ManifestEntry[], some: readonly ManifestEntry[]): ManifestEntry[] {
  const links = new Set(some.map(({ link, kind }) => (kind === 'hardlink' ? link : undefined)));
  const first = all.filter(({ path }) => links.has(path));
  const chosen = [...some, ...first].map(({ path }) => path);
  return all.filter(({ path }) => chosen.some((each) => each === path || isBeneath(each, path)));
}

/** The entries as they are now; one that does not exist, as if it had been offered as a file. */
function wantsOf(root: string, ...paths: string[]): Want[] {
  const listed = new Map(entriesOf(root).map((entry) => [entry.path, entry]));
  return paths.map((path) => {
    const { kind, stamp } = listed.get(path) ?? aListed();
    return { path, kind, stamp };
  });
}

function walked(root: string, wants: readonly Want[], ignoreFile = ''): ManifestEntry[] {
  return Array.from(walkFor(root, wants, ignoreFile), bare);
}

function walkFor(
  root: string,
  wants: readonly Want[],
  ignoreFile = '',
): Generator<SourceEntry, void> {
  return walkWanted(fromText(root), readerOf(wants), walkOptions(ignoreFile));
}

/** A reader of the encoded wants. */
function readerOf(wants: readonly Want[]): WantReader {
  return new WantReader(new MemorySource(wantBytes(wants)));
}
