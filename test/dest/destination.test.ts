import {
  chmodSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { discard, prepareDestination, type Destination } from '../../src/dest/destination.ts';
import { fromText } from '../../src/disk/byte-path.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

describe('a destination', () => {
  it('has a lock, and a stage that only its owner can enter', async () => {
    await withDirectory((out) => {
      const destination = prepare(out);
      const { stage, lock } = destination;
      expect(readdirSync(out).toSorted()).toEqual(
        [lock.path, stage].map((path) => path.slice(out.length + 1)).toSorted(),
      );
      for (const directory of [stage, join(stage, 'tree'), join(stage, 'trash')]) {
        expect(statSync(directory).mode & 0o7777).toBe(0o700);
      }
    });
  });

  it.each([0o022, 0o077, 0])('knows the umask of new files in it: %s', async (mask) => {
    await withDirectory((out) => {
      const before = process.umask(mask);
      try {
        expect(prepare(out).umask).toBe(mask);
      } finally {
        process.umask(before);
      }
    });
  });

  it('has a private stage even if new directories inherit the group of OUT', async () => {
    await withDirectory((out) => {
      chmodSync(out, 0o2777);
      const destination = prepare(out);
      expect(statSync(join(destination.stage, 'tree')).mode & 0o7777).toBe(0o700);
    });
  });

  it('is restored, to the microsecond, when it is discarded', async () => {
    await withDirectory((out) => {
      writeTree(out, { 'a/b': 'mine' });
      for (const seconds of [1_234_567_890.123456, 0.5]) {
        utimesSync(out, seconds, seconds);
        chmodSync(out, 0o2751);
        const before = treeState(out);
        const destination = prepare(out);
        writeTree(join(destination.stage, 'tree'), { 'x/y': 'staged', z: 'staged' });
        chmodSync(join(join(destination.stage, 'tree'), 'x'), 0);
        discard(destination, new WorkerStatus());
        expect(treeState(out)).toEqual(before);
      }
      lutimesSync(out, '-1.5', '-1.5');
      const before = treeState(out);
      discard(prepare(out), new WorkerStatus());
      expect(treeState(out)).toEqual(before);
    });
  });

  it('is created with its parents, and removed with them when it is discarded', async () => {
    await withDirectory((directory) => {
      const destination = prepare(join(directory, 'a/b/out'));
      expect(destination.made.map((path) => path.slice(directory.length))).toEqual([
        '/a',
        '/a/b',
        '/a/b/out',
      ]);
      discard(destination, new WorkerStatus());
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  it('keeps a parent that it created if somebody else uses it by then', async () => {
    await withDirectory((directory) => {
      const destination = prepare(join(directory, 'a/b/out'));
      writeFileSync(join(directory, 'a/other'), '');
      discard(destination, new WorkerStatus());
      expect(readdirSync(join(directory, 'a'))).toEqual(['other']);
    });
  });

  it('may be a symlink to a directory, in which the stage is created', async () => {
    await withDirectory((directory) => {
      mkdirSync(join(directory, 'real'));
      symlinkSync('real', join(directory, 'out'));
      const destination = prepare(join(directory, 'out'));
      expect(destination.out).toBe(join(realpathSync(directory), 'real'));
      discard(destination, new WorkerStatus());
      expect(readdirSync(join(directory, 'real'))).toEqual([]);
    });
  });

  it('may not be a symlink if symlinks must not be followed', async () => {
    await withDirectory((directory) => {
      mkdirSync(join(directory, 'elsewhere'));
      symlinkSync('elsewhere', join(directory, 'web'));
      const before = treeState(directory);
      const path = fromText(join(directory, 'web'));
      expect(() => prepareDestination(path, new WorkerStatus(), { follow: false })).toThrow(
        'web is a symlink, which is not followed',
      );
      expect(treeState(directory)).toEqual(before);
    });
  });

  it('may have a name of any bytes', async () => {
    await withDirectory((directory) => {
      const destination = prepareDestination(`${fromText(directory)}/\xff\n`, new WorkerStatus(), {
        follow: true,
      });
      expect(destination.out.endsWith('/\xff\n')).toBe(true);
      expect(readdirSync(directory, { encoding: 'latin1' })).toEqual(['\xff\n']);
      discard(destination, new WorkerStatus());
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  it('is cleared of the stages and incomplete locks that dead runs left', async () => {
    await withDirectory((out) => {
      writeTree(out, { '.ctxsync-0123456789abcdef/tree/closed/x': '' });
      writeTree(out, { '.ctxsync-00000000000000ff': '{}', '.ctxsync-mine': '' });
      chmodSync(join(out, '.ctxsync-0123456789abcdef/tree/closed'), 0);
      discard(prepare(out), new WorkerStatus());
      expect(readdirSync(out)).toEqual(['.ctxsync-mine']);
    });
  });

  it('is refused while another receiver holds it, whose stage is kept', async () => {
    await withDirectory((out) => {
      const first = prepare(out);
      const before = treeState(out);
      expect(refusal(out)).toMatchObject({ code: 'locked', path: out });
      expect(treeState(out)).toEqual(before);
      discard(first, new WorkerStatus());
      discard(prepare(out), new WorkerStatus());
    });
  });

  it.each<[what: string, path: string, errno: string]>([
    ['a file', 'file', 'is not a directory; choose another OUT'],
    ['beneath a file', 'file/out', 'not a directory (ENOTDIR)'],
    ['a symlink that leads nowhere', 'dangling', 'no such file or directory (ENOENT)'],
    ['a symlink to itself', 'circle', 'too many symbolic links encountered (ELOOP)'],
  ])(
    'is refused as not writable if it is %s, and nothing is left behind',
    async (_, path, words) => {
      await withDirectory((directory) => {
        writeFileSync(join(directory, 'file'), 'mine');
        symlinkSync('nowhere', join(directory, 'dangling'));
        symlinkSync('circle', join(directory, 'circle'));
        const before = treeState(directory);
        const { code, message } = refusal(join(directory, path));
        expect(code).toBe('not-writable');
        expect(message).toContain(join(directory, path));
        expect(message).toContain(words);
        expect(treeState(directory)).toEqual(before);
      });
    },
  );
});

function prepare(out: string): Destination {
  return prepareDestination(fromText(out), new WorkerStatus(), { follow: true });
}

function refusal(out: string): CtxsyncError {
  try {
    prepare(out);
  } catch (error) {
    return CtxsyncError.from(error);
  }
  throw new Error('the destination was taken');
}
