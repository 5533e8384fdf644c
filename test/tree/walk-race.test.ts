import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pack } from '../../src/entry/pack.ts';
import { UnreadablePaths } from '../../src/disk/unreadable-paths.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { IgnoreRules } from '../../src/ignore/ignore-rules.ts';
import { walk } from '../../src/tree/walk.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';

const SECRET = 'outside the context';
/** As long as the secret, so that the secret would be sent in its place. */
const INSIDE = 'within the  context';

describe('a context that changes while it is walked', () => {
  it.each<[what: string, at: string, swap: (context: string) => void, path: string]>([
    ['a directory that became a symlink', 'a', (root) => leadOut(root, 'a'), 'a'],
    ['a deeper directory that became one', 'a/b', (root) => leadOut(root, 'a/b'), 'a/b'],
    ['a directory that vanished', 'a', (root) => rmSync(join(root, 'a'), { recursive: true }), 'a'],
    ['a directory that became a FIFO', 'a', (root) => fifo(root, 'a'), 'a'],
    ['a file that became a symlink', 'a/b/file', (root) => leadOut(root, 'a/b/file'), 'a/b/file'],
    ['a file that vanished', 'a/b/file', (root) => rmSync(join(root, 'a/b/file')), 'a/b/file'],
    ['a file that became a FIFO', 'a/b/file', (root) => fifo(root, 'a/b/file'), 'a/b/file'],
    ['a file that another replaced', 'a/b/file', (root) => linkOut(root, 'a/b/file'), 'a/b/file'],
    [
      'a later file that vanished',
      'a',
      (root) => rmSync(join(root, 'a/b'), { recursive: true }),
      '',
    ],
  ])('%s fails the walk or is omitted, and its target is not sent', async (_, at, swap, path) => {
    await withDirectory((directory) => {
      const { sent, error } = packWhile(directory, at, swap);
      expect(sent).not.toContain(SECRET);
      if (path === '') return expect(error).toBeUndefined();
      expect(error).toMatchObject({ code: 'source-changed', path });
    });
  });

  it('is still sent from a directory already entered, even if its path leads elsewhere', async () => {
    await withDirectory((directory) => {
      const { sent, error } = packWhile(directory, 'a/b', (root) => leadOut(root, 'a'));
      expect(error).toBeUndefined();
      expect(sent).toContain(INSIDE);
      expect(sent).not.toContain(SECRET);
    });
  });
});

/** Packs a context, and swaps something when the walk is at `at`, before that is packed. */
function packWhile(
  directory: string,
  at: string,
  swap: (context: string) => void,
): { sent: string; error: CtxsyncError | undefined } {
  const context = join(directory, 'context');
  writeTree(context, { 'a/b/file': INSIDE, 'a/b/more': INSIDE, last: INSIDE });
  writeTree(join(directory, 'elsewhere'), {
    file: SECRET,
    more: SECRET,
    'b/file': SECRET,
    other: 'o',
  });
  const status = new WorkerStatus();
  const rules = new IgnoreRules([]);
  const options = {
    rules,
    status,
    unreadable: new UnreadablePaths(),
    onSkipped: () => {},
    onChanged: () => {},
  };
  const entries = (function* () {
    for (const entry of walk(context, options)) {
      if (entry.path === at) swap(context);
      yield entry;
    }
  })();
  const sent = Buffer.alloc(64 * 1024);
  let length = 0;
  const sink = {
    reserve: () => sent.subarray(length),
    produced: (count: number) => {
      length += count;
    },
  };
  let error: CtxsyncError | undefined;
  try {
    pack(entries, sink, status, new UnreadablePaths());
  } catch (thrown) {
    error = CtxsyncError.from(thrown);
  }
  return { sent: sent.toString('latin1', 0, length), error };
}

/** Replaces `path` by a symlink to the item of the same name outside of the context. */
function leadOut(context: string, path: string): void {
  renameSync(join(context, path), join(context, '../moved'));
  const outside = path.endsWith('file') ? '../elsewhere/file' : '../elsewhere';
  symlinkSync(join(context, outside), join(context, path));
  // Not just a symlink: it leads to something that could be sent.
  if (path.endsWith('file')) expect(readFileSync(join(context, path), 'utf8')).toBe(SECRET);
}

function linkOut(context: string, path: string): void {
  rmSync(join(context, path));
  linkSync(join(context, '../elsewhere/other'), join(context, path));
}

function fifo(context: string, path: string): void {
  rmSync(join(context, path), { recursive: true });
  mkdirSync(join(context, '..', 'unused'), { recursive: true });
  execFileSync('mkfifo', [join(context, path)]);
}
