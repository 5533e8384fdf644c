import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start, type Started } from '../helpers/cli/cli.ts';
import { PausablePipe } from '../helpers/cli/pausable-pipe.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  withScene,
  workNames,
  type Sandbox,
} from '../helpers/trees/sandbox.ts';
import { until } from '../helpers/until.ts';

// Exit codes 129, 130 and 143: a signal. The other side is informed, and nothing is committed.

interface Stuck {
  sender: Started;
  receiver: Started;
  pipe: PausablePipe;
}

/** Both sides in the middle of a big file, waiting for a pipe that we hold. */
async function stuckTransfer(
  { context, out }: Sandbox,
  receiveOptions: string[] = [],
): Promise<Stuck> {
  const big = join(context, 'big.bin');
  writeFileSync(big, '');
  truncateSync(big, 64 * 1024 * 1024);
  const sender = start(['send', context]);
  const receiver = start(['receive', ...receiveOptions, out]);
  const pipe = new PausablePipe(sender, receiver, { after: 256 * 1024 });
  await until('the sender has to wait', () => pipe.holds);
  await until('the receiver has its stage', () => workNames(out).length === 2);
  return { sender, receiver, pipe };
}

const SIGNALS = [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

test.each(SIGNALS)(
  '%s ends a sender with %i, and the receiver reports the interruption',
  (signal, status) =>
    withScene(async (sandbox) => {
      const { sender, receiver, pipe } = await stuckTransfer(sandbox);
      sender.child.kill(signal);
      pipe.release();
      expectFailure(await sender.done, status, 'interrupted; nothing was committed');
      expectFailure(await receiver.done, 9, 'the sender failed: interrupted');
      expectUntouched(sandbox);
    }),
);

test.each(SIGNALS)(
  '%s ends a receiver with %i, and the sender reports that it is gone',
  (signal, status) =>
    withScene(async (sandbox) => {
      const { sender, receiver } = await stuckTransfer(sandbox);
      receiver.child.kill(signal);
      expectFailure(await receiver.done, status, 'interrupted; nothing was committed');
      expectFailure(await sender.done, 7, 'the reader of stdout closed it');
      expectUntouched(sandbox);
    }),
);

test('SIGINT to both sides, as a terminal sends it, leaves OUT as it was', () =>
  withScene(async (sandbox) => {
    const { sender, receiver, pipe } = await stuckTransfer(sandbox);
    sender.child.kill('SIGINT');
    receiver.child.kill('SIGINT');
    pipe.release();
    expectFailure(await sender.done, 130);
    // 9 when the sender's message came first.
    expectExit(await receiver.done, 130, 9);
    expectUntouched(sandbox);
  }));

test('SIGTERM ends a sender whose receiver reads nothing at all', () =>
  withScene(async (sandbox) => {
    const { sender, receiver, pipe } = await stuckTransfer(sandbox);
    sender.child.kill('SIGTERM');
    await until('it ended', () => sender.child.exitCode !== null);
    pipe.release();
    expectFailure(await sender.done, 143, 'interrupted');
    // 9 when the pipe still had room for the sender's last message.
    expectExit(await receiver.done, 7, 9);
    expectUntouched(sandbox);
  }));

test('SIGTERM ends a receiver that waits for its first byte', () =>
  withScene(async (sandbox) => {
    const receiver = start(['receive', sandbox.out]);
    await until('the receiver has its stage', () => workNames(sandbox.out).length === 2);
    receiver.child.kill('SIGTERM');
    expectFailure(await receiver.done, 143, 'interrupted');
    expectUntouched(sandbox);
  }));

test('a second signal kills a side at once', () =>
  withScene(async (sandbox) => {
    const { sender, receiver, pipe } = await stuckTransfer(sandbox);
    sender.child.kill('SIGINT');
    // After the first signal it tries for 2 s to hand over its ERROR.
    await until('it ended', () => {
      sender.child.kill('SIGINT');
      return sender.child.exitCode !== null || sender.child.signalCode !== null;
    });
    pipe.release();
    const { code, signal } = await sender.done;
    expect([code, signal]).toEqual([null, 'SIGINT']);
    // 9 when the pipe still had room for the sender's last message.
    expectExit(await receiver.done, 7, 9);
    expectUntouched(sandbox);
  }));

test('--report of an interrupted run has its exit code', () =>
  withScene(async (sandbox) => {
    const report = join(sandbox.directory, 'report.json');
    const { sender, receiver } = await stuckTransfer(sandbox, ['--report', report]);
    receiver.child.kill('SIGTERM');
    await Promise.all([receiver.done, sender.done]);
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
      exitCode: 143,
      result: 'failed',
      error: { code: 'interrupted' },
    });
  }));
