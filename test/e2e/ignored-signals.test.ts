import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { BIN, run } from '../helpers/cli/cli.ts';
import { socketOf } from '../helpers/cli/duplex.ts';
import { expectExit, withScene } from '../helpers/trees/sandbox.ts';
import { until } from '../helpers/until.ts';

// https://github.com/houtianze/bypy/issues/183: users who start a long transfer with nohup and log out
// expect it to continue.
test.each([
  ['exec nohup', 'SIGHUP'],
  ["trap '' INT; exec", 'SIGINT'],
  ["trap '' TERM; exec", 'SIGTERM'],
  ["trap '' QUIT; exec", 'SIGQUIT'],
] as const)('a receiver that was started with %s ignores %s', (command, signal) =>
  withScene(async (sandbox) => {
    const socket = socketOf(sandbox);
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };
    const args = ['receive', sandbox.out, '--socket', socket];
    const receiver = spawn('sh', ['-c', `${command} "$0" "$@"`, BIN, ...args], { env });
    onTestFinished(() => void receiver.kill('SIGKILL'));
    const ended = new Promise<number | null>((resolve) => receiver.on('exit', resolve));
    await until('it listens', () => existsSync(socket));
    receiver.kill(signal);
    expectExit(await run(['send', sandbox.context, '--socket', socket]), 0);
    expect(await ended).toBe(0);
  }),
);
