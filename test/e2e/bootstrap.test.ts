import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installIn, whyNoChroot } from '../helpers/cli/bare-root.ts';
import { run, startInTest, type Outcome } from '../helpers/cli/cli.ts';
import { processesWith } from '../helpers/cli/duplex.ts';
import { SshServer, whyNoSshd } from '../helpers/cli/sshd.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  withScene,
  writeTree,
  type Sandbox,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

const FILE = readFileSync(fileURLToPath(new URL('../../dist/ctxsync.cjs', import.meta.url)));
const DIGEST = createHash('sha256').update(FILE).digest('hex').slice(0, 16);
const COPIED =
  /^ctxsync send: copied ctxsync \d+\.\d+\.\d+ \([\d.]+ [kM]B, sent as \d+ kB\) to .*$/m;

/** Its process has the path of this script in its command line. */
const ENDLESS = 'while :; do sleep 0.05; done';

const whyNoRoot = whyNoChroot();
const whyNoSsh = whyNoSshd();
for (const why of [whyNoRoot, whyNoSsh].filter((each) => each !== undefined)) {
  process.stderr.write(`bootstrap.test.ts skips a part: ${why}\n`);
}

/** What stands before "ctxsync receive": another HOME, and this Node in PATH as `node`. */
function far({ directory }: Sandbox, ...extra: string[]): string[] {
  const bin = join(directory, 'bin');
  if (!existsSync(bin)) fakeNode(directory, `exec "${process.execPath}" "$@"`);
  return ['--', 'env', `HOME=${homeOf(directory)}`, `PATH=${bin}:/usr/bin:/bin`, ...extra];
}

function homeOf(directory: string): string {
  return join(directory, 'home');
}

function fakeNode(directory: string, script: string): void {
  writeTree(directory, { 'bin/node': `#!/bin/sh\n${script}\n` });
  chmodSync(join(directory, 'bin/node'), 0o755);
}

function cacheOf(directory: string): string {
  return join(homeOf(directory), '.cache/ctxsync');
}

function cachedFile(directory: string): string {
  const [name = ''] = readdirSync(cacheOf(directory));
  return join(cacheOf(directory), name, 'ctxsync.cjs');
}

function send(
  sandbox: Sandbox,
  command: readonly string[],
  ...options: string[]
): Promise<Outcome> {
  return run(['send', '--bootstrap', sandbox.context, ...options, ...command]);
}

function receive({ out }: Sandbox): string[] {
  return ['ctxsync', 'receive', '--delete', out];
}

function expectReceived({ context, out }: Sandbox): void {
  expect(treeState(out)).toEqual(treeState(context));
}

describe('send --bootstrap', () => {
  test('copies itself once, and says so; the next time it is there', () =>
    withScene(async (sandbox) => {
      const command = [...far(sandbox), ...receive(sandbox)];
      const first = await send(sandbox, command);
      expectExit(first, 0);
      expect(first.stderr).toMatch(COPIED);
      expectReceived(sandbox);
      const file = cachedFile(sandbox.directory);
      expect(file).toContain(DIGEST);
      expect(readFileSync(file).equals(FILE)).toBe(true);
      expect(readdirSync(join(file, '..'))).toEqual(['ctxsync.cjs']);

      writeTree(sandbox.context, { 'a.txt': 'newer' });
      const second = await send(sandbox, command);
      expectExit(second, 0);
      expect(second.stderr).not.toContain('copied');
      expectReceived(sandbox);
    }));

  test('copies itself in place of a file with another digest', () =>
    withScene(async (sandbox) => {
      const command = [...far(sandbox), ...receive(sandbox)];
      expectExit(await send(sandbox, command), 0);
      const file = cachedFile(sandbox.directory);
      writeFileSync(file, 'throw new Error("not this one")');
      const outcome = await send(sandbox, command);
      expectExit(outcome, 0);
      expect(outcome.stderr).toMatch(COPIED);
      expect(readFileSync(file).equals(FILE)).toBe(true);
    }));

  test('keeps only the latest of other versions', () =>
    withScene(async (sandbox) => {
      const cache = cacheOf(sandbox.directory);
      for (const [index, letter] of ['a', 'b', 'c', 'd'].entries()) {
        const version = join(cache, `0.0.1-${letter.repeat(16)}`);
        mkdirSync(version, { recursive: true });
        utimesSync(version, index, index);
      }
      mkdirSync(join(cache, 'of-somebody-else'));
      expectExit(await send(sandbox, [...far(sandbox), ...receive(sandbox)]), 0);
      expect(readdirSync(cache).map((name) => name.replace(/^.*-/, ''))).toEqual([
        'c'.repeat(16),
        'd'.repeat(16),
        DIGEST,
        'else',
      ]);
    }));

  test.each([
    [
      'in the text of a shell command',
      (out: string) => ['sh', '-c', `cd / && ctxsync receive '${out}'`],
    ],
    ['behind two shells', (out: string) => ['sh', '-c', `sh -c "ctxsync receive '${out}'"`]],
    [
      'as words for a shell',
      (out: string) => ['sh', '-c', 'exec "$@"', 'sh', 'ctxsync', 'receive', out],
    ],
  ])('replaces the word ctxsync %s', (_, command) =>
    withScene(async (sandbox) => {
      const out = join(sandbox.directory, 'a new one');
      expectExit(await send(sandbox, [...far(sandbox), ...command(out)]), 0);
      expect(treeState(out)).toEqual(treeState(sandbox.context));
    }),
  );

  test('runs from memory where no cache can be written', () =>
    withScene(async (sandbox) => {
      writeFileSync(homeOf(sandbox.directory), 'not a directory');
      const outcome = await send(sandbox, [...far(sandbox), ...receive(sandbox)]);
      expectExit(outcome, 0);
      expect(outcome.stderr).toMatch(/copied ctxsync .* for this run only, .* ENOTDIR/);
      expectReceived(sandbox);
    }));

  test('prints nothing about it with --quiet', () =>
    withScene(async (sandbox) => {
      const command = [...far(sandbox), 'ctxsync', 'receive', '--quiet', sandbox.out];
      const { code, stderr } = await send(sandbox, command, '--quiet');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }));

  test.skipIf(whyNoRoot !== undefined)('receives where there is nothing but Node', () =>
    withScene(async (sandbox) => {
      const root = join(sandbox.directory, 'root');
      installIn(root, process.execPath, '/bin/node');
      const command = ['--', 'env', 'HOME=/home', 'chroot', root, 'ctxsync', 'receive', '/out'];
      for (const copied of [true, false]) {
        const outcome = await send(sandbox, command);
        expectExit(outcome, 0);
        expect(COPIED.test(outcome.stderr)).toBe(copied);
      }
      expect(treeState(join(root, 'out'))).toEqual(treeState(sandbox.context));
      expect(readdirSync(join(root, 'home/.cache/ctxsync'))).toHaveLength(1);
    }),
  );
});

describe('send --bootstrap fails when the other side', () => {
  test('has no Node', () =>
    withScene(async (sandbox) => {
      const command = ['--', 'sh', '-c', 'PATH=/nowhere; ctxsync receive out'];
      const outcome = await send(sandbox, command);
      expectFailure(
        outcome,
        7,
        'there is no "node" in its PATH (exit status 127)',
        'the README, under "Far ends"',
      );
    }));

  test.each([
    [
      'has a Node that does not know --import',
      'case $1 in --version) echo v16.20.2 ;; *) echo "$0: bad option: $1" >&2; exit 9 ;; esac',
      'v16.20.2',
    ],
    ['has a Node that is only a little too old', 'exec "$NODE" --require "$OLD" "$@"', 'v18.20.4'],
    ['has a node that only prints its version', 'echo v18.19.1', 'v18.19.1'],
  ])('%s', (_, script, version) =>
    withScene(async (sandbox) => {
      const { directory } = sandbox;
      const old = `Object.defineProperty(process, 'version', { value: 'v18.20.4' });
        Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } });`;
      writeTree(directory, { 'old.cjs': old });
      const variables = [`NODE=${process.execPath}`, `OLD=${join(directory, 'old.cjs')}`];
      fakeNode(directory, script);
      const outcome = await send(sandbox, [...far(sandbox, ...variables), ...receive(sandbox)]);
      expectFailure(outcome, 7, `it has Node ${version}, and ctxsync needs Node 20 or newer`);
      expectUntouched(sandbox);
    }),
  );

  test('prints something first', () =>
    withScene(async (sandbox) => {
      const command = [...far(sandbox), 'sh', '-c', 'echo Welcome to build-7; exec "$@"', 'sh'];
      const outcome = await send(sandbox, [...command, ...receive(sandbox)]);
      expectFailure(outcome, 6, 'printed something', 'Welcome to build-7');
      expectUntouched(sandbox);
    }));

  test('cannot be started, with its own words', () =>
    withScene(async (sandbox) => {
      const script = 'echo "Host key verification failed." >&2; exit 255';
      const outcome = await send(sandbox, [
        '--',
        'sh',
        '-c',
        script,
        'sh',
        'ctxsync',
        'receive',
        'x',
      ]);
      expectFailure(outcome, 7, '| Host key verification failed.', 'ended with exit status 255');
    }));

  test('gets another program than was sent, and nothing runs or is kept', () =>
    withScene(async (sandbox) => {
      const { directory } = sandbox;
      // Changes one byte near the end of what it passes on before the answer.
      const relay = `
        const child = require('node:child_process').spawn(process.argv[1], process.argv.slice(2), {
          stdio: ['pipe', 'inherit', 'inherit'],
        });
        let passed = 0;
        process.stdin.on('data', (bytes) => {
          if (passed < 100_000 && passed + bytes.length >= 100_000) bytes[100_000 - passed - 1] ^= 1;
          passed += bytes.length;
          child.stdin.write(bytes);
        });
        process.stdin.on('end', () => child.stdin.end());
        child.on('exit', (code) => process.exit(code));`;
      const command = [...far(sandbox), process.execPath, '-e', relay, ...receive(sandbox)];
      const outcome = await send(sandbox, command);
      expectFailure(outcome, 6, 'the program arrived damaged');
      expectUntouched(sandbox);
      expect(existsSync(cacheOf(directory))).toBe(false);
    }));

  test('does not answer within --connect-timeout, and the command is ended', () =>
    withScene(async (sandbox) => {
      fakeNode(sandbox.directory, ENDLESS);
      const command = [...far(sandbox), ...receive(sandbox)];
      const options = ['--connect-timeout', '300ms', '--stall-after', '100ms'];
      const args = ['send', '--bootstrap', sandbox.context, ...options, ...command];
      const sender = startInTest(args);
      expectFailure(
        await sender.done,
        7,
        'has not answered yet; waiting for it',
        'it did not answer within 0.3s ("send --connect-timeout" waits longer)',
      );
      expect(processesWith(join(sandbox.directory, 'bin'), sender)).toEqual([]);
    }));

  test('is not ready yet and the user interrupts it', () =>
    withScene(async (sandbox) => {
      fakeNode(sandbox.directory, `touch "${sandbox.directory}/started"; ${ENDLESS}`);
      const args = ['send', '--bootstrap', sandbox.context, ...far(sandbox), ...receive(sandbox)];
      const sender = startInTest(args);
      await until('it runs', () => existsSync(join(sandbox.directory, 'started')));
      sender.child.kill('SIGINT');
      expectFailure(await sender.done, 130, 'interrupted; nothing was transferred');
      await until(
        'it is gone',
        () => processesWith(join(sandbox.directory, 'bin'), sender).length === 0,
      );
    }));

  test.each([
    ['no command', [], 'needs a command after "--"'],
    ['a command without ctxsync', ['--', 'ssh', 'host'], 'must run "ctxsync receive" once'],
    ['ctxsync twice', ['--', 'sh', '-c', 'ctxsync receive a; ctxsync receive b'], 'in it 2 times'],
    ['another path', ['--', 'ssh', 'host', '/opt/ctxsync', 'receive', '/out'], 'is not in it'],
  ])('%s is refused', (_, command, words) =>
    withScene(async (sandbox) => {
      expectFailure(await send(sandbox, command), 2, words);
    }),
  );
});

test('send --bootstrap is refused where the program came on stdin and cannot be copied', () =>
  withScene(({ context }) => {
    const args = ['-', 'send', '--bootstrap', context, '--', 'ctxsync', 'receive', 'x'];
    const { status, stderr } = spawnSync(process.execPath, args, { input: FILE });
    expectFailure({ code: status, stderr: stderr.toString() }, 2, 'start ctxsync from a file');
  }));

describe.skipIf(whyNoSsh !== undefined)('send --bootstrap over ssh', () => {
  let server: SshServer;
  beforeAll(async () => {
    server = new SshServer();
    await server.start({ noise: 'Welcome' });
  });
  afterAll(() => server.stop());

  test('copies itself once, and receives into a path with spaces', () =>
    withScene(async (sandbox) => {
      const out = join(sandbox.directory, `it's "here" $HOME`);
      const [dashes = '', ...ssh] = server.command([out]);
      const quoted = ssh.pop()!;
      const remote = [...far(sandbox).slice(1), 'ctxsync', 'receive', quoted];
      for (const copied of [true, false]) {
        const outcome = await send(sandbox, [dashes, ...ssh, ...remote]);
        expectExit(outcome, 0);
        expect(COPIED.test(outcome.stderr)).toBe(copied);
        expect(treeState(out)).toEqual(treeState(sandbox.context));
      }
      rmSync(out, { recursive: true });
    }));
});
