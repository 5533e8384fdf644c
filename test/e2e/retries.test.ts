import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TransferReport } from 'ctxsync';
import { BIN, run, startInTest, type Started } from '../helpers/cli/cli.ts';
import {
  expectExit,
  expectFailure,
  isStageName,
  withScene,
  type Sandbox,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// `send --retries` with real processes that die, and with those that only refuse.

const FILES = 12;
const FILE_BYTES = 500_000;
/** Files that have arrived whole when the receiver is killed. */
const BEFORE_KILL = 4;
/** Slow enough to be killed in the middle. */
const SLOWLY = ['--bwlimit', '2MB', '--compress', 'none'];

/** A context that takes some seconds, and the path of a report. */
function addFiles({ context, out, directory }: Sandbox): string {
  for (let at = 10; at < 10 + FILES; at++) {
    writeFileSync(join(context, `f${at}.bin`), randomBytes(FILE_BYTES));
  }
  rmSync(out, { recursive: true });
  return join(directory, 'report.json');
}

/** The name of the first file after those. */
const IN_MIDDLE = `f${10 + BEFORE_KILL}.bin`;

function hasArrived(out: string): boolean {
  const stages = existsSync(out) ? readdirSync(out).filter(isStageName) : [];
  return stages.some((stage) => existsSync(join(out, stage, 'tree', IN_MIDDLE)));
}

function reportAt(path: string): TransferReport & { exitCode: number } {
  return JSON.parse(readFileSync(path, 'utf8')) as TransferReport & { exitCode: number };
}

/** What had arrived whole at the first try was not sent again. */
function expectResumed(path: string): void {
  const report = reportAt(path);
  expect(report).toMatchObject({ result: 'done', exitCode: 0, tries: 2 });
  expect(report.bytes).toBeLessThanOrEqual((FILES - BEFORE_KILL) * FILE_BYTES + 100);
}

test('a command that is killed in the middle is started again, and the rest is sent', () =>
  withScene(async (sandbox) => {
    const { directory, context, out } = sandbox;
    const report = addFiles(sandbox);
    const script = join(directory, 'receiver.sh');
    // A shell gives what runs in the background no stdin of its own.
    writeFileSync(
      script,
      `exec 3<&0
       if mkdir "$1/first" 2>/dev/null; then
         "$2" "$3" receive "$1/out" <&3 & receiver=$!
         exec 3<&- <&-
         until ls "$1"/out/.ctxsync-*/tree/${IN_MIDDLE} >/dev/null 2>&1; do sleep 0.02; done
         kill -9 $receiver
       else
         exec "$2" "$3" receive "$1/out"
       fi`,
    );
    const args = ['send', context, ...SLOWLY, '--retries', '3', '--report', report];
    const sent = await run([...args, '--', 'sh', script, directory, process.execPath, BIN]);
    expectExit(sent, 0);
    expect(sent.stderr).toMatch(
      /^ctxsync send: connection lost: the receiver is gone: .*"sh .*; trying again in 1s \(1 of 3\)$/m,
    );
    expectResumed(report);
    expect(treeState(out)).toEqual(treeState(context));
  }));

test('a receiver at a socket that is killed and started again gets the rest', () =>
  withScene(async (sandbox) => {
    const { directory, context, out } = sandbox;
    const report = addFiles(sandbox);
    const socket = join(directory, 'socket');
    const serve = (): Started => startInTest(['receive', out, '--serve', '--socket', socket]);
    const first = serve();
    const args = ['send', context, ...SLOWLY, '--retries', '3', '--report', report];
    const sender = startInTest([...args, '--socket', socket]);
    await until('the middle', () => hasArrived(out));
    first.child.kill('SIGKILL');
    await first.done;
    const second = serve();
    const sent = await sender.done;
    expectExit(sent, 0);
    expect(sent.stderr).toContain('; trying again in 1s (1 of 3)');
    expectResumed(report);
    expect(treeState(out)).toEqual(treeState(context));
    second.child.kill('SIGTERM');
    expectExit(await second.done, 0);
  }));

test('the last try decides, and the waits grow', () =>
  withScene(async ({ directory, context }) => {
    const report = join(directory, 'report.json');
    const args = ['send', context, '--retries', '2', '--report', report];
    const sent = await run([...args, '--', 'sh', '-c', 'exit 3']);
    expectFailure(sent, 7, 'in 1s (1 of 2)', 'in 2s (2 of 2)', 'error: the receiver is gone');
    expect(sent.stderr.match(/error:/g)).toHaveLength(1);
    expect(reportAt(report)).toMatchObject({ result: 'failed', exitCode: 7, tries: 3 });
  }));

test('a receiver that nobody has started yet is waited for again', () =>
  withScene(async ({ directory, context }) => {
    const socket = join(directory, 'socket');
    const args = ['send', context, '--retries', '1', '--connect-timeout', '10ms'];
    expectFailure(
      await run([...args, '--socket', socket]),
      7,
      /no connection: the socket .*; trying again in 1s \(1 of 1\)/,
    );
  }));

test.each<[what: string, exitCode: number, receiver: (sandbox: Sandbox) => string[]]>([
  ['refuses', 9, ({ out }) => [process.execPath, BIN, 'receive', out, '--max-bytes', '1']],
  ['sends something else', 6, () => ['echo', 'this is not ctxsync at all']],
  ['cannot be started', 7, ({ directory }) => [join(directory, 'missing')]],
])('a command that %s is not started again', (_, exitCode, receiver) =>
  withScene(async (sandbox) => {
    const sent = await run(['send', sandbox.context, '--retries', '5', '--', ...receiver(sandbox)]);
    expectExit(sent, exitCode);
    expect(sent.stderr).not.toContain('trying again');
  }),
);

test('a source that fails is not sent again', () =>
  withScene(async ({ directory, out }) => {
    const missing = join(directory, 'missing');
    const receiver = [process.execPath, BIN, 'receive', out];
    const sent = await run(['send', missing, '--retries', '5', '--', ...receiver]);
    expectExit(sent, 3);
    expect(sent.stderr).not.toContain('trying again');
  }));

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends the wait for the next try at once', (signal, exitCode) =>
  withScene(async ({ directory, context }) => {
    const args = ['send', context, '--retries', '9', '--', 'sh', '-c', `date >> tries; exit 3`];
    const sender = startInTest(args, { cwd: directory });
    // The third wait takes 4 s.
    await until('it waits', () => sender.said().includes('(3 of 9)'));
    const since = performance.now();
    sender.child.kill(signal);
    expectFailure(await sender.done, exitCode, 'interrupted before the next try');
    expect(performance.now() - since).toBeLessThan(3_500);
    expect(readFileSync(join(directory, 'tries'), 'utf8').trim().split('\n')).toHaveLength(3);
  }),
);

test('--progress json reports each try, and one end', () =>
  withScene(async ({ context }) => {
    const args = ['send', context, '--retries', '1', '--progress', 'json'];
    const { code, stderr } = await run([...args, '--', 'sh', '-c', 'exit 3']);
    expect(code).toBe(7);
    const events = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(events.filter(({ type }) => type === 'retry')).toEqual([
      {
        type: 'retry',
        side: 'sender',
        error: { code: 'peer-gone', message: expect.stringContaining('the receiver is gone') },
        delayMs: 1_000,
        retry: 1,
        retries: 1,
      },
    ]);
    expect(events.filter(({ type }) => type === 'end')).toHaveLength(1);
    expect(events.at(-1)?.type).toBe('end');
  }));

test.each<[args: string[], words: string]>([
  [['.'], '--retries needs --socket or a command'],
  [['-', '--', 'touch', 'started'], 'a tar on stdin ("-") can be read only once'],
  [['.', '--ignore-file', '-', '--', 'touch', 'started'], '--ignore-file - can be read only once'],
  [['.', '--ignore-file', '/dev/fd/3', '--', 'touch', 'started'], 'can be read only once'],
])('%j cannot be sent again, and is not sent at all', (args, words) =>
  withScene(async ({ directory }) => {
    const sent = await run(['send', '--retries', '1', ...args], { cwd: directory });
    expectFailure(sent, 2, words);
    expect(existsSync(join(directory, 'started'))).toBe(false);
  }),
);
