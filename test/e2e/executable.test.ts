import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installIn, whyNoChroot } from '../helpers/cli/bare-root.ts';
import { recordSend, run } from '../helpers/cli/cli.ts';
import { makeDirectory, removeDirectory } from '../helpers/trees/temporary-directory.ts';
import { expectExit, withScene, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

const BUILD = fileURLToPath(new URL('../../build/executable.js', import.meta.url));

const why = whyNoExecutable();
if (why !== undefined) process.stderr.write(`executable.test.ts is skipped: ${why}\n`);

/** Why there can be no executable of this Node, or it cannot be tried without Node; undefined if it can. */
function whyNoExecutable(): string | undefined {
  const hasFuse = readFileSync(process.execPath).includes('NODE_SEA_FUSE_');
  return hasFuse ? whyNoChroot() : 'this Node cannot be made an executable';
}

describe.skipIf(why !== undefined)('the executable, where there is no Node', () => {
  const root = makeDirectory();
  beforeAll(() => {
    const executable = join(root, 'executable');
    execFileSync(process.execPath, [BUILD, executable], { stdio: 'pipe' });
    installIn(root, executable, '/bin/ctxsync');
  }, 240_000);
  afterAll(() => removeDirectory(root));

  test('receives, and sends', () =>
    withScene(async ({ directory, context }) => {
      // A pattern that needs a package, in a thread.
      writeTree(context, { '.dockerignore': '*.[x-z]\n', 'a.y': 'ignored' });
      const received = spawnSync('chroot', [root, '/bin/ctxsync', 'receive', '--delete', '/out'], {
        input: await recordSend(['--no-ignore', context]),
        encoding: 'utf8',
      });
      expectExit({ code: received.status, stderr: received.stderr }, 0);
      expect(treeState(join(root, 'out'))).toEqual(treeState(context));

      const sent = spawnSync('chroot', [root, '/bin/ctxsync', 'send', '/out']);
      expectExit({ code: sent.status, stderr: sent.stderr.toString() }, 0);
      const back = join(directory, 'back');
      expectExit(await run(['receive', back], { input: sent.stdout }), 0);
      expect(Object.keys(treeState(back))).toEqual(
        Object.keys(treeState(context)).filter((path) => path !== 'a.y'),
      );
    }));

  test('is the other side of a command', () =>
    withScene(async ({ context }) => {
      const command = ['chroot', root, '/bin/ctxsync', 'receive', '--delete', '/out'];
      expectExit(await run(['send', context, '--', ...command]), 0);
      expect(treeState(join(root, 'out'))).toEqual(treeState(context));
    }));

  test('copies the single file to where there is Node', () =>
    withScene(async ({ directory, context }) => {
      const executable = join(root, 'bin/ctxsync');
      const out = join(directory, 'fresh');
      const { status, stderr } = spawnSync(
        executable,
        ['send', '--bootstrap', context, '--', 'ctxsync', 'receive', out],
        {
          encoding: 'utf8',
          env: { HOME: directory, PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
        },
      );
      expectExit({ code: status, stderr }, 0);
      expect(stderr).toContain('copied ctxsync');
      expect(treeState(out)).toEqual(treeState(context));
    }));
});
