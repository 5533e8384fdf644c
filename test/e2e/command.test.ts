import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { TransferReport } from '../../src/report.ts';
import { BIN, run, startInTest } from '../helpers/cli/cli.ts';
import { addBigFile, processesWith, receiveCommand, receives } from '../helpers/cli/duplex.ts';
import { makeExoticTree } from '../helpers/trees/exotic-tree.ts';
import { expectExit, expectFailure, expectUntouched, withScene } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

function shell(script: string): string[] {
  return ['--', 'sh', '-c', script];
}

describe('a receiver that is a command', () => {
  test('gets an exact copy', () =>
    withScene(async ({ directory }) => {
      const context = join(directory, 'exotic');
      makeExoticTree(context);
      const out = join(directory, 'fresh');
      expectExit(await run(['send', context, ...receiveCommand(out)]), 0);
      expect(treeState(out)).toEqual(treeState(context));
    }));

  test('gets a context larger than all buffers', () =>
    withScene(async ({ context, out }) => {
      addBigFile({ context }, 24 * 1024 * 1024);
      expectExit(await run(['send', `app=${context}`, ...receiveCommand(out)]), 0);
      expect(treeState(join(out, 'app'))).toEqual(treeState(context));
    }));

  test('leaves the closing line to the sender, whatever that shows', () =>
    withScene(async ({ context, out }) => {
      const sendTo = (...options: string[]) =>
        run(['send', context, ...options, ...receiveCommand(out)]);
      // On a busy machine a run takes seconds: then there are phases, and where the time went.
      const said = async () =>
        (await sendTo()).stderr.replaceAll(/^ctxsync send: (?:\w+|.*%.*, .*)\n|;.*/gm, '');
      expect(await said()).toMatch(/^ctxsync send: (?:sent )?\d+ .* in [\d.]+m?s(?: \(.*\))?\n$/);
      expect(await said()).toMatch(
        /^ctxsync send: up to date, \d+ (?:entry|entries) unchanged \([\d.]+m?s\)\n$/,
      );
      for (const options of [['--quiet'], ['--progress', 'none']]) {
        expect(await sendTo(...options)).toMatchObject({ code: 0, stderr: '' });
      }
    }));

  test('need not answer before a context that is missing fails the sender', () =>
    withScene(async ({ directory }) => {
      const outcome = await run(['send', join(directory, 'nowhere'), ...shell('cat > /dev/null')]);
      expectFailure(outcome, 3, 'nowhere');
    }));

  test('has its stderr passed on with a mark on each line', () =>
    withScene(async ({ context, out }) => {
      const script = `echo welcome >&2; printf 'two\\nlast' >&2; exec "$0" "$1" receive "$2"`;
      const command = [...shell(script), process.execPath, BIN, out];
      const outcome = await run(['send', context, ...command]);
      expectExit(outcome, 0);
      expect(outcome.stderr).toMatch(/^ctxsync send: \| welcome$/m);
      expect(outcome.stderr).toMatch(/^ctxsync send: \| two$/m);
      expect(outcome.stderr).toMatch(/^ctxsync send: \| last/m);
    }));

  test('cannot send control sequences to the terminal', () =>
    withScene(async ({ context, out }) => {
      const script = String.raw`printf '\033[31mred\n' >&2; exec "$0" "$1" receive "$2"`;
      const command = [...shell(script), process.execPath, BIN, out];
      const outcome = await run(['send', context, ...command]);
      expectExit(outcome, 0);
      expect(outcome.stderr).toContain('red');
      expect(outcome.stderr).not.toContain('\u001B');
    }));

  test('is not blocked by a flood on its stderr, which is not kept in memory', () =>
    withScene(async ({ context, out, directory }) => {
      const status = join(directory, 'status');
      const script = `yes "$(printf %0199d 0)" | head -c 200000000 >&2
        cp "/proc/$PPID/status" "${status}"; exec "$0" "$1" receive "$2"`;
      const command = [...shell(script), process.execPath, BIN, out];
      const sender = spawn(process.execPath, [BIN, 'send', context, ...command], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      onTestFinished(() => void sender.kill('SIGKILL'));
      expect(await once(sender, 'exit')).toEqual([0, null]);
      expect(readFileSync(join(out, 'a.txt'), 'utf8')).toBe('new');
      const [, peakKb] = /VmHWM:\s*(\d+) kB/.exec(readFileSync(status, 'utf8')) ?? [];
      expect(Number(peakKb)).toBeLessThan(200_000);
    }));

  test.each([[[]], [['--quiet']], [['--progress', 'none']]])(
    'makes the sender fail and show its message, once, when it fails: %s',
    (options) =>
      withScene(async (sandbox) => {
        const { context, out } = sandbox;
        const command = receiveCommand(out, '--max-entries', '1');
        const outcome = await run(['send', ...options, context, ...command]);
        expectFailure(outcome, 9, /^ctxsync send: error: the receiver failed: .*--max-entries/m);
        expect(outcome.stderr.match(/--max-entries/g)).toHaveLength(1);
        expectUntouched(sandbox);
      }),
  );

  test('reports that its sender failed', () =>
    withScene(async (sandbox) => {
      const outcome = await run([
        'send',
        join(sandbox.directory, 'no'),
        ...receiveCommand(sandbox.out),
      ]);
      expectFailure(outcome, 3, '| ctxsync receive: error: the sender failed');
      expectUntouched(sandbox);
    }));
});

describe('a sender fails when its command', () => {
  test('does not exist', () =>
    withScene(async ({ context }) => {
      const outcome = await run(['send', context, '--', 'ctxsync-nope', 'receive', 'x']);
      expectFailure(
        outcome,
        7,
        'cannot start ctxsync-nope: command not found; check its spelling, and PATH',
      );
    }));

  test('does not find ctxsync', () =>
    withScene(async ({ context }) => {
      const outcome = await run(['send', context, ...shell('ctxsync-nope')]);
      const words =
        'error: the receiver did not start: "sh -c ctxsync-nope" ended with exit status 127: ' +
        'a command in it was not found; install ctxsync there, or give its full path';
      expectFailure(outcome, 7, /^ctxsync send: \| .*ctxsync-nope.*not found$/m, words);
    }));

  test('is a file that may not be executed', () =>
    withScene(async ({ context }) => {
      const file = join(context, 'a.txt');
      const outcome = await run(['send', context, '--', file]);
      const words = `cannot start ${file}: permission denied (EACCES); it has to be an executable file`;
      expectFailure(outcome, 7, words);
    }));

  test('exits at once with a message and a status', () =>
    withScene(async ({ context }) => {
      const script = 'echo permission denied >&2; exit 41';
      const outcome = await run(['send', context, ...shell(script)]);
      expectFailure(outcome, 7);
      expect(outcome.stderr.trimEnd().split('\n').slice(-2)).toEqual([
        'ctxsync send: | permission denied',
        `ctxsync send: error: the receiver is gone: "sh -c ${script}" ended with exit status 41`,
      ]);
      const quiet = await run(['send', '--quiet', context, ...shell(script)]);
      expect(quiet.stderr).toBe(outcome.stderr);
    }));

  test('prints lines that end like those of ssh, in CR LF, and they are shown without the CR', () =>
    withScene(async ({ context, directory }) => {
      const file = join(directory, 'report.json');
      const script = String.raw`printf 'Host unknown\r\nlast\r' >&2; exit 255`;
      const outcome = await run(['send', '--report', file, context, ...shell(script)]);
      expectFailure(outcome, 7, /\| Host unknown\n.*\| last\n.*ended with exit status 255$/m);
      const { error } = JSON.parse(readFileSync(file, 'utf8')) as TransferReport;
      expect(error?.commandOutput).toBe('Host unknown\nlast');
    }));

  test('is killed by a signal', () =>
    withScene(async ({ context }) => {
      const outcome = await run(['send', context, ...shell('kill -9 $$')]);
      expectFailure(outcome, 7, 'was ended by SIGKILL');
    }));

  test.each([
    ['and goes on', 'echo Welcome to this host; exec "$0" "$1" receive "$2"'],
    ['and ends', 'echo Welcome to this host'],
    ['and waits', 'echo Welcome to this host; exec cat > /dev/null'],
  ])('prints other text first %s', (_, script) =>
    withScene(async (sandbox) => {
      const command = [...shell(script), process.execPath, BIN, sandbox.out];
      const outcome = await run(['send', sandbox.context, ...command]);
      expectFailure(outcome, 6, 'it begins with "Welcome to this host');
      expectUntouched(sandbox);
    }),
  );

  test('reads a part of the stream and exits without a message', () =>
    withScene(async ({ context }) => {
      const outcome = await run(['send', context, ...shell('head -c 100 > /dev/null; exit 3')]);
      expectFailure(outcome, 7, 'ended with exit status 3');
    }));

  test('closes its stdio and keeps running, and the sender ends it', () =>
    withScene(async ({ context, directory }) => {
      const marker = join(directory, 'marker');
      const script = `exec <&- >&- ; trap '' TERM; while :; do sleep 0.05; done # ${marker}`;
      const sender = startInTest(['send', context, ...shell(script)]);
      expectFailure(await sender.done, 7, 'is gone');
      await until('it is gone', () => processesWith(marker, sender).length === 0);
    }));
});

describe('a command that has read everything and dies', () => {
  test('after the commit but before its receipt arrived leaves the outcome unknown', () =>
    withScene(async ({ context, out }) => {
      // The output of the receiver passes until it has committed; the rest is lost.
      const script = `"$0" "$1" receive "$2" | "$0" -e '
        const { existsSync } = require("node:fs");
        process.stdin.on("data", (bytes) => {
          if (existsSync(process.argv[1])) process.exit(0);
          process.stdout.write(bytes);
        });' "$2/d"`;
      const app = join(context, 'd');
      addBigFile({ context: app }, 1000);
      const command = [...shell(script), process.execPath, BIN, out];
      const outcome = await run(['send', context, ...command]);
      expectFailure(outcome, 10, 'check the receiver, or send again');
      expect(treeState(join(out, 'd'))).toEqual(treeState(app));
    }));
});

describe('in the middle of a transfer', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s to the sender ends both sides, and nothing is committed', (signal, status) =>
    withScene(async (sandbox) => {
      addBigFile(sandbox);
      const sender = startInTest(['send', sandbox.context, ...receiveCommand(sandbox.out)]);
      await receives(sandbox);
      sender.child.kill(signal);
      expectFailure(await sender.done, status, '| ctxsync receive: error: the sender failed');
      await until('no child is left', () => processesWith(sandbox.out, sender).length === 0);
      expectUntouched(sandbox);
    }),
  );

  test('SIGKILL of the sender makes its receiver end and roll everything back', () =>
    withScene(async (sandbox) => {
      addBigFile(sandbox);
      const sender = startInTest(['send', sandbox.context, ...receiveCommand(sandbox.out)]);
      await receives(sandbox);
      sender.child.kill('SIGKILL');
      await until('no child is left', () => processesWith(sandbox.out, sender).length === 0);
      expectUntouched(sandbox);
    }));

  test('SIGKILL of the command is reported, and the next run cleans up what it left', () =>
    withScene(async (sandbox) => {
      addBigFile(sandbox);
      const args = ['send', sandbox.context, ...receiveCommand(sandbox.out, '--delete')];
      const sender = startInTest(args);
      await receives(sandbox);
      const [receiver] = processesWith(sandbox.out, sender);
      process.kill(receiver!, 'SIGKILL');
      expectFailure(await sender.done, 7, /the (receiver|peer) .* was ended by SIGKILL/);
      expectExit(await run(args), 0);
      expect(treeState(sandbox.out)).toEqual(treeState(sandbox.context));
    }));
});

describe('on the command line', () => {
  test.each([
    ['--socket and a command', ['--socket', '/x', '--', 'cat'], 'cannot be combined'],
    ['nothing after "--"', ['--'], 'the command that runs the receiver after "--"'],
    ['an empty command', ['--', '', 'receive'], 'the command that runs the receiver after "--"'],
  ])('%s is refused', (_, args, words) =>
    withScene(async ({ context }) => {
      expectFailure(await run(['send', context, ...args]), 2, words);
    }),
  );

  test('"receive" takes no command', () =>
    withScene(async (sandbox) => {
      const outcome = await run(['receive', sandbox.out, '--', 'cat']);
      expectFailure(outcome, 2, 'too many arguments');
      expectUntouched(sandbox);
    }));

  test('everything after "--" belongs to the command, whatever it looks like', () =>
    withScene(async ({ context, out }) => {
      // Even a second "--", which there ends the receiver's options.
      expectExit(await run(['send', context, ...receiveCommand('--', out)]), 0);
      expectExit(await run(['send', context, ...receiveCommand('--quiet', out)]), 0);
    }));
});
