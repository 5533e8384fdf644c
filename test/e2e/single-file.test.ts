import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { installIn, whyNoChroot } from '../helpers/cli/bare-root.ts';
import { recordSend, run } from '../helpers/cli/cli.ts';
import { socketOf } from '../helpers/cli/duplex.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { expectExit, withScene, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

const FILE = fileURLToPath(new URL('../../dist/ctxsync.cjs', import.meta.url));
const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  }
).version;

const why = whyNoChroot();
if (why !== undefined) process.stderr.write(`single-file.test.ts skips a chroot: ${why}\n`);

describe('dist/ctxsync.cjs', () => {
  test('needs no other file: a copy sends and receives', () =>
    withScene(({ directory, context }) => {
      // A pattern that needs a package, which is in the file as well.
      writeTree(context, { '.dockerignore': '*.[x-z]\n', 'a.y': 'ignored' });
      const copy = join(directory, 'copy.cjs');
      const fresh = join(directory, 'fresh');
      copyFileSync(FILE, copy);
      const script = '"$0" "$1" send "$2" | "$0" "$1" receive "$3"';
      execFileSync('bash', [
        '-o',
        'pipefail',
        '-c',
        script,
        process.execPath,
        copy,
        context,
        fresh,
      ]);
      expect(Object.keys(treeState(fresh))).toEqual(
        Object.keys(treeState(context)).filter((path) => path !== 'a.y'),
      );
    }));

  test('reads and writes tars', () =>
    withScene(async ({ directory, context }) => {
      const script = 'tar -c -C "$2" . | "$0" "$1" send - | "$0" "$1" receive - | tar -x -C "$3"';
      const fresh = join(directory, 'fresh');
      mkdirSync(fresh);
      execFileSync('bash', [
        '-o',
        'pipefail',
        '-c',
        script,
        process.execPath,
        FILE,
        context,
        fresh,
      ]);
      expect(Object.keys(treeState(fresh))).toEqual(Object.keys(treeState(context)));
    }));

  test('is run by its first line, too', () => {
    expect(execFileSync(FILE, ['--version'], { encoding: 'utf8' })).toBe(`${VERSION}\n`);
  });

  test('may come on stdin where that is not needed for data', () =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      const receiver = spawn(
        process.execPath,
        ['-', 'receive', '--socket', socket, join(sandbox.directory, 'fresh')],
        { stdio: [openSync(FILE, 'r'), 'ignore', 'inherit'] },
      );
      const closed = once(receiver, 'close');
      expectExit(await run(['send', sandbox.context, '--socket', socket]), 0);
      expect(await closed).toEqual([0, null]);
      expect(treeState(join(sandbox.directory, 'fresh'))).toEqual(treeState(sandbox.context));
    }));

  test.each([FILE, fileURLToPath(new URL('../../bin/ctxsync.js', import.meta.url))])(
    'refuses an older Node by its version: %s',
    (file) =>
      withDirectory((directory) => {
        const old = join(directory, 'old.cjs');
        writeFileSync(
          old,
          `Object.defineProperty(process, 'version', { value: 'v18.20.4' });
           Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } });`,
        );
        const args = ['--require', old, file, 'receive', join(directory, 'out')];
        const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
        expect({ status, stderr }).toEqual({
          status: 2,
          stderr: `ctxsync: error: this needs Node 20 or newer, and is run by v18.20.4 (${process.execPath})\n`,
        });
      }),
  );

  test.skipIf(why !== undefined)('receives where there is nothing but Node', () =>
    withScene(async ({ directory, context }) => {
      const root = join(directory, 'root');
      installIn(root, process.execPath, '/bin/node');
      copyFileSync(FILE, join(root, 'ctxsync.cjs'));
      const args = [root, '/bin/node', '/ctxsync.cjs', 'receive', '/out'];
      const { status, stderr } = spawnSync('chroot', args, {
        input: await recordSend([context]),
        encoding: 'utf8',
      });
      expectExit({ code: status, stderr }, 0);
      expect(treeState(join(root, 'out'))).toEqual(treeState(context));
    }),
  );
});
