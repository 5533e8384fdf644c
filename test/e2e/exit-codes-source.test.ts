import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { TransferReport } from '../../src/report.ts';
import { pipeline, run, start } from '../helpers/cli/cli.ts';
import { receiveCommand } from '../helpers/cli/duplex.ts';
import { evilTar } from '../helpers/trees/evil-tar.ts';
import { PausablePipe } from '../helpers/cli/pausable-pipe.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  unprivileged,
  withScene,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// Exit code 3: the source is missing, unreadable, or changed while it was read.

test('3: a context that is missing is named, and nothing is committed', () =>
  withScene(async (sandbox) => {
    const missing = join(sandbox.directory, 'missing');
    const { send, receive } = await pipeline([missing], [sandbox.out]);
    const words = `the context ${missing} cannot be opened: no such file or directory (ENOENT)`;
    expectFailure(send, 3, words);
    expectFailure(receive, 9, 'the sender failed', words);
    expectUntouched(sandbox);
  }));

test('3: the error for a context that is a file suggests a tar on stdin', () =>
  withScene(async (sandbox) => {
    const file = join(sandbox.context, 'a.txt');
    const { send, receive } = await pipeline([file], [sandbox.out]);
    expectFailure(send, 3, `${file} is not a directory`, '"ctxsync send -" sends a tar from stdin');
    expectFailure(receive, 9, `${file} is not a directory`);
    expectUntouched(sandbox);
  }));

test('3: one missing context among several fails all of them', () =>
  withScene(async (sandbox) => {
    const missing = join(sandbox.directory, 'missing');
    const { send, receive } = await pipeline([sandbox.context, `x=${missing}`], [sandbox.out]);
    expectFailure(send, 3, missing);
    expectFailure(receive, 9, missing);
    expectUntouched(sandbox);
  }));

test.each([
  ['file', 'web/app.js', 'cannot read web/app.js: permission denied (EACCES)'],
  ['directory', 'web', 'cannot open the directory web: permission denied (EACCES)'],
])('3: an unreadable %s is named, and never arrives as an empty one', (_, path, words) =>
  withScene(async (sandbox) => {
    chmodSync(join(sandbox.context, path), 0);
    const options = unprivileged(sandbox.directory);
    sandbox.before = treeState(sandbox.out);
    const { send, receive } = await pipeline([sandbox.context], [sandbox.out], options);
    expectFailure(send, 3, words);
    expectFailure(receive, 9, words);
    expectUntouched(sandbox);
  }),
);

test('3: the error for several unreadable paths names some and counts all, and --report lists them', () =>
  withScene(async (sandbox) => {
    const names = ['1', '2', '3', 'web/4'];
    for (const name of names) writeFileSync(join(sandbox.context, name), name, { mode: 0 });
    mkdirSync(join(sandbox.context, 'shut/in'), { recursive: true });
    chmodSync(join(sandbox.context, 'shut'), 0);
    const options = unprivileged(sandbox.directory);
    sandbox.before = treeState(sandbox.out);
    const report = join(sandbox.directory, 'report.json');
    const args = ['--report', report, sandbox.context];
    const { send, receive } = await pipeline(args, [sandbox.out], options);
    const words =
      'cannot read 5 paths: 1, 2, 3 and 2 more; cannot read 1: permission denied (EACCES)';
    expectFailure(send, 3, words);
    expectFailure(receive, 9, words);
    expectUntouched(sandbox);
    const { failed } = JSON.parse(readFileSync(report, 'utf8')) as TransferReport;
    expect(failed.paths.map(({ path }) => path)).toEqual(['1', '2', '3', 'shut', 'web/4']);
    expect(failed.count).toBe(5);
  }));

const PROC = '/proc/sys/kernel/random';

test.runIf(existsSync(PROC)).each([
  ['one way', [], []],
  ['over a command', ['--'], []],
  ['over a command, with --checksum', ['--'], ['--checksum']],
])('3: files in /proc, which have a size of 0, do not arrive empty: %s', (_, dashes, more) =>
  withScene(async (sandbox) => {
    const words = /content than its size says \(0 bytes\)/;
    const args = [...more, PROC];
    if (dashes.length === 0) {
      const { send, receive } = await pipeline(args, [sandbox.out]);
      expectFailure(send, 3, words);
      expectFailure(receive, 9, words);
    } else {
      expectFailure(await run(['send', ...args, ...receiveCommand(sandbox.out)]), 3, words);
    }
    expectUntouched(sandbox);
  }),
);

test.each([
  ['a text', Buffer.alloc(2048, 'no tar'), 'the tar '],
  ['a bzip2', Buffer.from('BZh91AY&SY'), 'is compressed with bzip2; only plain and gzip'],
  ['half a gzip', gzipSync(Buffer.alloc(10_000)).subarray(0, 30), 'the gzip is damaged'],
  ['half a tar', evilTar({ content: 'x'.repeat(4096) }).subarray(0, 2048), 'the tar '],
])('3: %s on the stdin of "send -" is refused', (_, input, words) =>
  withScene(async (sandbox) => {
    const sent = await run(['send', '-'], { input });
    expectFailure(sent, 3, words);
    const received = await run(['receive', sandbox.out], { input: sent.stdout });
    expectFailure(received, 9, 'the sender failed', words);
    expectUntouched(sandbox);
  }),
);

test('0: an unreadable file that is ignored does not matter', () =>
  withScene(async ({ directory, context, out }) => {
    chmodSync(join(context, 'web'), 0);
    const args = ['--exclude', 'web', context];
    const { send, receive } = await pipeline(args, [out], unprivileged(directory));
    expectExit(send, 0);
    expectExit(receive, 0);
  }));

// More than the pipes and the ring between the two disks hold.
const BIG_BYTES = 16 * 1024 * 1024;
// A little of the big file, so that the sender is in the middle of it.
const HOLD_AFTER_BYTES = 256 * 1024;

test.each([
  ['grows', 'big.bin', 'grew', (big: string) => appendFileSync(big, 'more')],
  ['shrinks', 'big.bin', 'shrank', (big: string) => truncateSync(big, 4096)],
  ['vanishes', 'big.bin', 'was replaced or removed', (big: string) => rmSync(big)],
  [
    'is replaced',
    'big.bin',
    'was replaced or removed',
    (big: string) => {
      writeFileSync(`${big}.new`, Buffer.alloc(BIG_BYTES));
      renameSync(`${big}.new`, big);
    },
  ],
  ['is touched', 'big.bin', 'was written to', (big: string) => utimesSync(big, 1, 1)],
  [
    'vanishes before its turn comes',
    'last.txt',
    'vanished',
    (big: string) => rmSync(join(big, '../last.txt')),
  ],
])('3: a file that %s while the context is read fails the transfer', (_, path, what, change) =>
  withScene(async (sandbox) => {
    const big = join(sandbox.context, 'big.bin');
    writeFileSync(big, '');
    truncateSync(big, BIG_BYTES);
    writeFileSync(join(sandbox.context, 'last.txt'), 'last');
    const [sender, receiver] = [start(['send', sandbox.context]), start(['receive', sandbox.out])];
    const pipe = new PausablePipe(sender, receiver, { after: HOLD_AFTER_BYTES });
    await until('the sender is inside the big file', () => pipe.holds);
    change(big);
    pipe.release();
    const words = `${path} ${what} while the context was read; send again`;
    expectFailure(await sender.done, 3, words);
    expectFailure(await receiver.done, 9, 'the sender failed', words);
    expectUntouched(sandbox);
  }),
);

test('0: a FIFO and a socket are not opened or sent, and stderr and --report name them', () =>
  withScene(async ({ directory, context, out }) => {
    expect(spawnSync('mkfifo', [join(context, 'fifo')]).status).toBe(0);
    const server = createServer().listen(join(context, 'socket'));
    const report = join(directory, 'report.json');
    try {
      await until('the server listens', () => server.listening);
      const { send, receive } = await pipeline(['--report', report, context], [out]);
      expectExit(send, 0);
      expect(send.stderr).toMatch(/2.* not sent: fifo \(a FIFO\), socket \(a socket\)/);
      expectExit(receive, 0);
    } finally {
      server.close();
    }
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
      exitCode: 0,
      result: 'done',
      skipped: {
        count: 2,
        paths: [
          { path: 'fifo', reason: 'a FIFO' },
          { path: 'socket', reason: 'a socket' },
        ],
      },
    });
    expect(Object.keys(treeState(out))).not.toContain('fifo');
    expect(Object.keys(treeState(out))).not.toContain('socket');
  }));
