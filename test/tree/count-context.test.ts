import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fromText, type BytePath } from '../../src/disk/byte-path.ts';
import { UnreadablePaths } from '../../src/disk/unreadable-paths.ts';
import { WorkerStatus } from '../../src/disk/worker-status.ts';
import { loadRules } from '../../src/ignore/load-rules.ts';
import { countContext } from '../../src/tree/count-context.ts';
import { walk } from '../../src/tree/walk.ts';
import { captureError } from '../helpers/capture-error.ts';
import { seeded } from '../helpers/seeded.ts';
import { makeExoticTree } from '../helpers/trees/exotic-tree.ts';
import { makeRandomTree } from '../helpers/trees/random-tree.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';

/** What a walk sends. */
function walked(root: BytePath, rules: readonly string[]): { entries: number; bytes: number } {
  const total = { entries: 0, bytes: 0 };
  const entries = walk(root, {
    rules: loadRules(undefined, rules),
    status: new WorkerStatus(),
    unreadable: new UnreadablePaths(() => {}),
    onSkipped: () => {},
    onChanged: () => {},
  });
  for (const { path, size } of entries) {
    if (path !== '') total.entries += 1;
    total.bytes += size;
  }
  return total;
}

function counted(root: BytePath, rules: readonly string[]): { entries: number; bytes: number } {
  return countContext(root, loadRules(undefined, rules), new WorkerStatus());
}

const RULES = [[], ['a', 'b/**', '!b/a'], ['**', '!**/z', '!a-b'], ['*', '!a/**/b']];

describe('the count of a context', () => {
  test.each([1, 2, 3, 4, 5])('is what the walk sends, whatever the rules, tree %d', (seed) =>
    withDirectory((directory) => {
      makeRandomTree(directory, seeded(seed));
      const root = fromText(directory);
      for (const rules of RULES) expect(counted(root, rules)).toEqual(walked(root, rules));
    }),
  );

  test('is what the walk sends of all kinds of entries, and follows no symlink', () =>
    withDirectory((directory) => {
      const context = join(directory, 'context');
      makeExoticTree(context);
      symlinkSync(directory, join(context, 'up'));
      execFileSync('mkfifo', [join(context, 'fifo')]);
      mkdirSync(join(context, '.ctxsync-stage'));
      const root = fromText(context);
      expect(counted(root, [])).toEqual(walked(root, []));
    }));

  test('has the bytes of a file with several names once', () =>
    withDirectory((directory) => {
      writeFileSync(join(directory, 'a'), 'content');
      linkSync(join(directory, 'a'), join(directory, 'b'));
      expect(counted(fromText(directory), [])).toEqual({ entries: 2, bytes: 7 });
    }));

  test('ends when it is cancelled', () =>
    withDirectory((directory) => {
      writeFileSync(join(directory, 'a'), '');
      const status = new WorkerStatus();
      status.cancel();
      const rules = loadRules(undefined, []);
      const error = captureError(() => countContext(fromText(directory), rules, status));
      expect(error).toMatchObject({ code: 'interrupted' });
    }));
});
