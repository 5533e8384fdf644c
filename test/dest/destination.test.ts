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
import { Gauge } from '../../src/disk/worker-status.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { withFolder } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

describe('a destination', () => {
  it('has a lock, and a stage that only we can enter', async () => {
    await withFolder((out) => {
      const destination = prepare(out);
      const { stage, lock } = destination;
      expect(readdirSync(out).toSorted()).toEqual(
        [lock.path, stage].map((path) => path.slice(out.length + 1)).toSorted(),
      );
      for (const folder of [stage, join(stage, 'tree'), join(stage, 'trash')]) {
        expect(statSync(folder).mode & 0o7777).toBe(0o700);
      }
    });
  });

  it.each([0o022, 0o077, 0])(
    'knows that new files in it lack the bits of umask %s',
    async (mask) => {
      await withFolder((out) => {
        const before = process.umask(mask);
        try {
          expect(prepare(out).umask).toBe(mask);
        } finally {
          process.umask(before);
        }
      });
    },
  );

  it('has a private stage also where new folders inherit the group of OUT', async () => {
    await withFolder((out) => {
      chmodSync(out, 0o2777);
      const destination = prepare(out);
      expect(statSync(join(destination.stage, 'tree')).mode & 0o7777).toBe(0o700);
    });
  });

  it('is as it was, to the microsecond, when it is discarded', async () => {
    await withFolder((out) => {
      writeTree(out, { 'a/b': 'mine' });
      for (const seconds of [1_234_567_890.123456, 0.5]) {
        utimesSync(out, seconds, seconds);
        chmodSync(out, 0o2751);
        const before = treeState(out);
        const destination = prepare(out);
        writeTree(join(destination.stage, 'tree'), { 'x/y': 'staged', z: 'staged' });
        chmodSync(join(join(destination.stage, 'tree'), 'x'), 0);
        discard(destination, new Gauge());
        expect(treeState(out)).toEqual(before);
      }
      lutimesSync(out, '-1.5', '-1.5');
      const before = treeState(out);
      discard(prepare(out), new Gauge());
      expect(treeState(out)).toEqual(before);
    });
  });

  it('is made with its parents, and discarded with them', async () => {
    await withFolder((folder) => {
      const destination = prepare(join(folder, 'a/b/out'));
      expect(destination.made.map((path) => path.slice(folder.length))).toEqual([
        '/a',
        '/a/b',
        '/a/b/out',
      ]);
      discard(destination, new Gauge());
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('leaves a parent that it made, when somebody else uses it by then', async () => {
    await withFolder((folder) => {
      const destination = prepare(join(folder, 'a/b/out'));
      writeFileSync(join(folder, 'a/other'), '');
      discard(destination, new Gauge());
      expect(readdirSync(join(folder, 'a'))).toEqual(['other']);
    });
  });

  it('may be a symlink to a folder, which is where the stage is made', async () => {
    await withFolder((folder) => {
      mkdirSync(join(folder, 'real'));
      symlinkSync('real', join(folder, 'out'));
      const destination = prepare(join(folder, 'out'));
      expect(destination.out).toBe(join(realpathSync(folder), 'real'));
      discard(destination, new Gauge());
      expect(readdirSync(join(folder, 'real'))).toEqual([]);
    });
  });

  it('may not be a symlink where it must not be followed', async () => {
    await withFolder((folder) => {
      mkdirSync(join(folder, 'elsewhere'));
      symlinkSync('elsewhere', join(folder, 'web'));
      const before = treeState(folder);
      const path = fromText(join(folder, 'web'));
      expect(() => prepareDestination(path, new Gauge(), { follow: false })).toThrow(
        'web is a symlink, which is not followed',
      );
      expect(treeState(folder)).toEqual(before);
    });
  });

  it('may have a name of any bytes', async () => {
    await withFolder((folder) => {
      const destination = prepareDestination(`${fromText(folder)}/\xff\n`, new Gauge(), {
        follow: true,
      });
      expect(destination.out.endsWith('/\xff\n')).toBe(true);
      expect(readdirSync(folder, { encoding: 'latin1' })).toEqual(['\xff\n']);
      discard(destination, new Gauge());
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('is rid of the stages and half locks that dead runs left', async () => {
    await withFolder((out) => {
      writeTree(out, { '.ctxsync-0123456789abcdef/tree/closed/x': '' });
      writeTree(out, { '.ctxsync-00000000000000ff': '{}', '.ctxsync-mine': '' });
      chmodSync(join(out, '.ctxsync-0123456789abcdef/tree/closed'), 0);
      discard(prepare(out), new Gauge());
      expect(readdirSync(out)).toEqual(['.ctxsync-mine']);
    });
  });

  it('is refused while another receiver holds it, whose stage is left alone', async () => {
    await withFolder((out) => {
      const first = prepare(out);
      const before = treeState(out);
      expect(refusal(out)).toMatchObject({ code: 'locked', path: out });
      expect(treeState(out)).toEqual(before);
      discard(first, new Gauge());
      discard(prepare(out), new Gauge());
    });
  });

  it.each<[what: string, path: string, errno: string]>([
    ['a file', 'file', 'is not a folder; choose another OUT'],
    ['beneath a file', 'file/out', 'not a directory (ENOTDIR)'],
    ['a symlink that leads nowhere', 'dangling', 'no such file or directory (ENOENT)'],
    ['a symlink to itself', 'circle', 'too many symbolic links encountered (ELOOP)'],
  ])('is refused as not writable when it is %s, and nothing is left', async (_, path, words) => {
    await withFolder((folder) => {
      writeFileSync(join(folder, 'file'), 'mine');
      symlinkSync('nowhere', join(folder, 'dangling'));
      symlinkSync('circle', join(folder, 'circle'));
      const before = treeState(folder);
      const { code, message } = refusal(join(folder, path));
      expect(code).toBe('not-writable');
      expect(message).toContain(join(folder, path));
      expect(message).toContain(words);
      expect(treeState(folder)).toEqual(before);
    });
  });
});

function prepare(out: string): Destination {
  return prepareDestination(fromText(out), new Gauge(), { follow: true });
}

function refusal(out: string): CtxsyncError {
  try {
    prepare(out);
  } catch (error) {
    return CtxsyncError.from(error);
  }
  throw new Error('the destination was taken');
}
