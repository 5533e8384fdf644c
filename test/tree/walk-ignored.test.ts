import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { UnreadablePaths } from '../../src/disk/unreadable-paths.ts';
import { MAX_PATH_BYTES } from '../../src/limits.ts';
import { parseIgnoreFile } from '../../src/ignore/ignore-file.ts';
import { IgnoreRules } from '../../src/ignore/ignore-rules.ts';
import { walk, type WalkOptions } from '../../src/tree/walk.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';

describe('an ignored directory', () => {
  it('is not read, nor is anything in it', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'node_modules/a/b': '', 'src/x': '', '.git/HEAD': '' });
      expect(looks(root, 'node_modules\n.git\n')).toEqual(['src', 'src/x']);
    });
  });

  it('is not read when an exception comes before its rule, or leads elsewhere', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/keep': '', 'b/keep': '' });
      expect(looks(root, '!a/keep\na\nb\n!c/keep\n')).toEqual([]);
    });
  });

  it('is entered only if an exception could match beneath it', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/no/deep/x': '', 'a/yes/keep': '', 'a/yes/other': '' });
      const found = looks(root, 'a\n!a/yes/keep\n');
      expect(found).toContain('a/yes/keep');
      expect(found.filter((path) => path.startsWith('a/no/'))).toEqual([]);
    });
  });

  it('is included, with its parents, for a child that is included again', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/b/c/keep': '', 'a/b/other': '', 'a/d/other': '', 'e/x': '' });
      const paths = walked(root, '*\n!**/keep\n');
      expect(paths).toEqual(['', 'a', 'a/b', 'a/b/c', 'a/b/c/keep']);
    });
  });

  it('is not included if nothing beneath it is included after all', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'a/b/x': '', 'c/keep': '', 'd/y': '' });
      mkdirSync(join(root, 'a/empty'));
      expect(walked(root, '*\n!**/keep\n')).toEqual(['', 'c', 'c/keep']);
    });
  });

  it('is included empty when it is itself included again', async () => {
    await withDirectory((root) => {
      mkdirSync(join(root, 'a/keep'), { recursive: true });
      writeTree(root, { 'a/other/x': '' });
      expect(walked(root, 'a\n!a/keep\n')).toEqual(['', 'a', 'a/keep']);
    });
  });

  it('is reported as changed only when it is sent, and then once', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'skip/x': '', 'take/sub/x.keep': '', 'take/y': '' });
      for (const path of ['skip', 'take', 'take/sub']) chmodSync(join(root, path), 0o2755);
      const reason = 'setuid and setgid are dropped';
      const told: string[] = [];
      const paths = walked(root, '*\n!**/x.keep\n', new WorkerStatus(), (...note) =>
        told.push(note.join(': ')),
      );
      expect(paths).toEqual(['', 'take', 'take/sub', 'take/sub/x.keep']);
      expect(told).toEqual([`take: ${reason}`, `take/sub: ${reason}`]);
    });
  });

  it('may have a path that is too long, unless something beneath it is sent', async () => {
    await withDirectory((root) => {
      const long = `${'d'.repeat(240)}/`.repeat(16).slice(0, MAX_PATH_BYTES + 1);
      writeTree(root, { [`${long}/x`]: '' });
      expect(walked(root, '*\n!**/x.keep\n')).toEqual(['']);
      writeTree(root, { [`${long}/x.keep`]: '' });
      expect(() => walked(root, '*\n!**/x.keep\n')).toThrow(
        expect.objectContaining({ code: 'over-limit', path: `${long}/x.keep` }),
      );
    });
  });

  it('may be unreadable, with and without exceptions beneath it', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'closed/keep': '', 'open/x': '' });
      asNobody(root, () => {
        chmodSync(join(root, 'closed'), 0);
        expect(walked(root, 'closed\n')).toEqual(['', 'open', 'open/x']);
        expect(walked(root, 'closed\n!closed/keep\n')).toEqual(['', 'open', 'open/x']);
      });
    });
  });
});

describe('a directory that is not ignored', () => {
  it('fails the walk when it is unreadable, and is named', async () => {
    await withDirectory((root) => {
      writeTree(root, { 'sub/closed/x': '' });
      asNobody(root, () => {
        chmodSync(join(root, 'sub/closed'), 0);
        expect(() => walked(root, '')).toThrow(
          expect.objectContaining({
            code: 'source-unreadable',
            path: 'sub/closed',
            message: expect.stringContaining('permission denied (EACCES)'),
          }),
        );
      });
    });
  });
});

function walked(
  root: string,
  ignoreFile: string,
  status = new WorkerStatus(),
  onChanged: WalkOptions['onChanged'] = () => {},
): string[] {
  const rules = new IgnoreRules(parseIgnoreFile(Buffer.from(ignoreFile), '.dockerignore'));
  const unreadable = new UnreadablePaths();
  const options = { rules, status, unreadable, onSkipped: () => {}, onChanged };
  return Array.from(walk(root, options), ({ path }) => path);
}

/** The paths, except the root, for which the walk accessed the disk. */
function looks(root: string, ignoreFile: string): string[] {
  const paths = new Set<string>();
  class WatchedGauge extends WorkerStatus {
    override enter(...[state, path]: Parameters<WorkerStatus['enter']>): void {
      super.enter(state, path);
      if (path !== undefined && path !== root) paths.add(path);
    }
  }
  walked(root, ignoreFile, new WatchedGauge());
  return [...paths];
}
