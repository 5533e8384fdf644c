import { spawnSync } from 'node:child_process';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BIN, pipeline, recordSend, run, start } from '../helpers/cli/cli.ts';
import { streamOf, streamWithHello } from '../helpers/wire/hand-made.ts';
import { PausablePipe } from '../helpers/cli/pausable-pipe.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  withScene,
  type Sandbox,
} from '../helpers/trees/sandbox.ts';
import { until } from '../helpers/until.ts';

// Exit code 6: corrupt, 7: the peer is lost, 8: stalled, 9: the peer failed.

/** A file larger than all pipes and rings, so that its writer has to wait for a reader. */
function addBigFile({ context }: Sandbox): void {
  const path = join(context, 'big.bin');
  writeFileSync(path, '');
  truncateSync(path, 16 * 1024 * 1024);
}

test.each([
  ['a text', 'sh: ctxsync: not found\n', '"sh: ctxsync: not found"'],
  ['a tar', Buffer.alloc(2048, 'package.json\0'), 'it begins with "package.json package.json'],
  ['binary noise', Buffer.alloc(300, 7), 'it begins with the bytes 07 07 07'],
])('6: the receiver shows %s that arrives instead of a stream', (_, input, words) =>
  withScene(async (sandbox) => {
    const outcome = await run(['receive', sandbox.out], { input: Buffer.from(input) });
    expectFailure(outcome, 6, 'what arrives is not from ctxsync', words);
    expectUntouched(sandbox);
  }),
);

test('6: what a shell profile prints before the sender begins is shown, and nothing is received', () =>
  withScene(async (sandbox) => {
    const noise = Buffer.from('Welcome to build-7!\r\nYou have mail.\r\n');
    const input = Buffer.concat([noise, await recordSend([sandbox.context])]);
    const outcome = await run(['receive', sandbox.out], { input });
    expectFailure(outcome, 6, 'Welcome to build-7! You have mail.', 'a shell profile');
    expectUntouched(sandbox);
  }));

test('6: noise from a sender that never ends is reported without waiting for its end', () =>
  withScene(async (sandbox) => {
    const { child, done } = start(['receive', sandbox.out]);
    child.stdin?.write('Password: ');
    expectFailure(await done, 6, 'it begins with "Password:"');
    expectUntouched(sandbox);
  }));

test('6: a sender with another protocol version is refused, and both version ranges are named', () =>
  withScene(async (sandbox) => {
    const input = streamWithHello({ minVersion: 3, maxVersion: 4 });
    const outcome = await run(['receive', sandbox.out], { input });
    expectFailure(outcome, 6, /versions 3 to 4, this side version 2.*update the older/);
    expectUntouched(sandbox);
  }));

test('6: a stream from a receiver is refused', () =>
  withScene(async (sandbox) => {
    const input = streamWithHello({ role: 'receiver' });
    const outcome = await run(['receive', sandbox.out], { input });
    expectFailure(outcome, 6, 'the peer is a receiver too; one side has to send');
    expectUntouched(sandbox);
  }));

test('6: content that was changed in transit does not match its digest', () =>
  withScene(async (sandbox) => {
    const input = Buffer.from(streamOf([{ path: 'a.txt' }]));
    input[input.lastIndexOf('xxxx')]! ^= 1;
    const outcome = await run(['receive', sandbox.out], { input });
    expectFailure(outcome, 6, 'the bytes of stream 1 do not match the digest');
    expectUntouched(sandbox);
  }));

test.each([
  ['nothing at all', 0, 'nothing arrived: the other side did not start, or failed at once'],
  ['half of the magic', 4, 'the transfer was cut off after 4 bytes'],
  ['half of the stream', 0.5, /the transfer was cut off .* killed or cancelled/],
  ['all but the last byte', -1, 'the transfer was cut off after'],
])('7: %s followed by the end is a truncated transfer', (_, cut, words) =>
  withScene(async (sandbox) => {
    const stream = await recordSend([sandbox.context]);
    const end = cut === 0.5 ? stream.length / 2 : cut;
    const outcome = await run(['receive', sandbox.out], { input: stream.subarray(0, end) });
    expectFailure(outcome, 7, words);
    expectUntouched(sandbox);
  }),
);

test('7: a sender whose receiver ends in the middle reports that', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const script = '{ "$NODE" "$BIN" send "$1"; echo "code $?" >&2; } | head -c 100000 >/dev/null';
    const { stderr } = spawnSync('sh', ['-c', script, 'sh', sandbox.context], {
      env: { ...process.env, NODE: process.execPath, BIN },
      encoding: 'utf8',
    });
    const code = Number(/code (\d+)/.exec(stderr)?.[1]);
    expectFailure({ code, stderr }, 7, 'the reader of stdout closed it');
  }));

test('8: a sender gives up on a receiver that does not read', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const { child, done } = start(['send', '--stall-timeout', '1s', sandbox.context]);
    child.stdout?.pause();
    child.on('exit', () => child.stdout?.resume());
    expectFailure(
      await done,
      8,
      /gave up after 1s without progress: receiver, or the link to it, is slow or does not read/,
    );
  }));

test('8: a receiver gives up on a sender that sends nothing', () =>
  withScene(async (sandbox) => {
    const { done } = start(['receive', '--stall-timeout', '1s', sandbox.out]);
    expectFailure(
      await done,
      8,
      /gave up after 1s .*: sender, or the link to it, has been silent for 1s/,
    );
    expectUntouched(sandbox);
  }));

test('8: a receiver gives up on a sender that falls silent in the middle', () =>
  withScene(async (sandbox) => {
    const stream = await recordSend([sandbox.context]);
    const { child, done } = start(['receive', '--stall-timeout', '1s', sandbox.out]);
    child.stdin?.write(stream.subarray(0, stream.length / 2));
    expectFailure(await done, 8, /gave up after 1s .*: sender/);
    expectUntouched(sandbox);
  }));

test('8: a receiver that gives up makes its sender end with 7', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const sender = start(['send', sandbox.context]);
    const receiver = start(['receive', '--stall-timeout', '1s', sandbox.out]);
    const pipe = new PausablePipe(sender, receiver, { after: 100_000 });
    expectFailure(await receiver.done, 8, /gave up after 1s/);
    pipe.release();
    expectFailure(await sender.done, 7, 'the reader of stdout closed it');
    expectUntouched(sandbox);
  }));

test('9: a receiver passes on the message of a failed sender and reports its code', () =>
  withScene(async (sandbox) => {
    rmSync(sandbox.context, { recursive: true });
    const { receive } = await pipeline([sandbox.context], ['--progress', 'json', sandbox.out]);
    expect(receive.code).toBe(9);
    const events = receive.stderr.trim().split('\n');
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({
      type: 'end',
      report: {
        result: 'failed',
        error: { code: 'peer-failed', path: sandbox.context },
        peerError: { code: 'source-missing' },
      },
    });
    expectUntouched(sandbox);
  }));

test('7 or 9: a receiver does not succeed when its sender gave up while nobody read', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const sender = start(['send', '--stall-timeout', '1s', sandbox.context]);
    const receiver = start(['receive', sandbox.out]);
    const pipe = new PausablePipe(sender, receiver, { after: 100_000 });
    await until('the sender gave up', () => sender.said().includes('gave up'));
    pipe.release();
    expectFailure(await sender.done, 8, 'receiver, or the link to it, is slow or does not read');
    // Whether its message still fitted into the full pipe before it ended is chance.
    expectExit(await receiver.done, 7, 9);
    expectUntouched(sandbox);
  }));
