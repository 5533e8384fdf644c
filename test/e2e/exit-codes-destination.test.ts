import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pipeline, recordSend, run, start } from '../helpers/cli/cli.ts';
import { streamOf } from '../helpers/wire/hand-made.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  unprivileged,
  withScene,
  workNames,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// Exit code 4: the destination cannot take the context. Exit code 5: the context is refused.

test('4: an OUT that may not be written to is named', () =>
  withScene(async (sandbox) => {
    const options = unprivileged(sandbox.directory);
    const input = await recordSend([sandbox.context]);
    chmodSync(sandbox.out, 0o555);
    sandbox.before = treeState(sandbox.out);
    const outcome = await run(['receive', sandbox.out], { ...options, input });
    expectFailure(outcome, 4, `cannot write into ${sandbox.out}: permission denied (EACCES)`);
    expectUntouched(sandbox);
  }));

test('4: a missing OUT in a directory that may not be written to is named, and not created', () =>
  withScene(async (sandbox) => {
    const options = unprivileged(sandbox.directory);
    const input = await recordSend([sandbox.context]);
    chmodSync(sandbox.out, 0o555);
    sandbox.before = treeState(sandbox.out);
    const deep = join(sandbox.out, 'deep/er');
    const outcome = await run(['receive', deep], { ...options, input });
    expectFailure(outcome, 4, `cannot write into ${deep}: permission denied (EACCES)`);
    expectUntouched(sandbox);
  }));

test('4: an OUT that is a file is named, and not changed', () =>
  withScene(async (sandbox) => {
    const file = join(sandbox.out, 'kept.txt');
    const { send, receive } = await pipeline([sandbox.context], [file]);
    expectFailure(receive, 4, `${file} is not a directory; choose another OUT`);
    expect([0, 7]).toContain(send.code);
    expectUntouched(sandbox);
  }));

test('4: an OUT beneath a file is named', () =>
  withScene(async (sandbox) => {
    const beneath = join(sandbox.out, 'kept.txt', 'out');
    const { receive } = await pipeline([sandbox.context], [beneath]);
    expectFailure(receive, 4, beneath, 'not a directory (ENOTDIR)');
    expectUntouched(sandbox);
  }));

test('4: an OUT that another receiver works in is locked, and the holder is named', () =>
  withScene(async (sandbox) => {
    const { out, context } = sandbox;
    const holder = start(['receive', out]);
    await until('the holder has its stage', () => workNames(out).length === 2);
    const { receive } = await pipeline([context], [out]);
    expectFailure(receive, 4, `${out} is locked by another receiver (pid ${holder.child.pid} `);
    expect(receive.stderr).toMatch('wait for it to end');
    expect(workNames(out)).toHaveLength(2);
    holder.child.stdin?.end(await recordSend([context]));
    const outcome = await holder.done;
    expectExit(outcome, 0);
    expect(workNames(out)).toEqual([]);
  }));

test('4: a full disk is reported with the path that did not fit, and nothing is left', async (task) => {
  await withScene(async ({ directory, context }) => {
    const disk = join(directory, 'disk');
    mkdirSync(disk);
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    task.skip(mount.status !== 0, 'no small disk can be mounted here');
    try {
      writeFileSync(join(disk, 'old.txt'), 'old');
      const out = join(disk, 'new', 'out');
      const before = treeState(disk, { root: false });
      writeFileSync(join(context, 'big.bin'), Buffer.alloc(32 * 1024 * 1024, 'x'));
      const { send, receive } = await pipeline([context], [out]);
      const words = 'cannot write big.bin: no space left on device (ENOSPC)';
      expectFailure(receive, 4, words);
      expectFailure(send, 7, 'the reader of stdout closed it');
      expect(treeState(disk, { root: false })).toEqual(before);
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});

test('4: a reader that closes the tar of "receive -" before its end fails the transfer', () =>
  withScene(async (sandbox) => {
    const input = streamOf([{ path: 'big.bin', size: 4 * 1024 * 1024 }]);
    const { child, done } = start(['receive', '-']);
    child.stdout?.once('data', () => child.stdout?.destroy());
    child.stdin?.end(input);
    expectFailure(await done, 4, 'the reader of stdout closed it before everything was written');
    expectUntouched(sandbox);
  }));

test.each([
  ['--max-bytes', '5', 'web/app.js', 'the context has more than 5 bytes'],
  ['--max-entries', '3', 'web/app.js', 'the context has more than 3 entries'],
])('5: a context over %s is refused, naming the entry and the option', (option, n, path, words) =>
  withScene(async (sandbox) => {
    const { receive } = await pipeline([sandbox.context], [option, n, sandbox.out]);
    expectFailure(
      receive,
      5,
      words,
      `("receive ${option}" raises the limit)`,
      `stopped at ${path}`,
    );
    expectUntouched(sandbox);
  }),
);

test('0: a context that just fits its limits is accepted', () =>
  withScene(async ({ context, out }) => {
    // 14 bytes in five entries and the root.
    const limits = ['--max-bytes', '14', '--max-entries', '6'];
    const { receive } = await pipeline([context], [...limits, out]);
    expectExit(receive, 0);
  }));

const LINK = { path: 'link', kind: 'symlink', link: '..' } as const;

test.each([
  ['above OUT', [{ path: '../evil' }], 'refused ../evil: its path contains ".."'],
  ['with .. inside', [{ path: 'web/../../evil' }], 'its path contains ".."'],
  ['with an absolute path', [{ path: '/evil' }], 'refused /evil: it is an absolute path'],
  ['beneath a symlink', [LINK, { path: 'link/evil' }], 'its parent link is not a directory'],
  ['in the place of a symlink', [LINK, { path: 'link' }], 'it comes twice, as a symlink'],
  [
    'that is a hardlink to a file of OUT',
    [{ path: 'evil', kind: 'hardlink', link: 'kept.txt' } as const],
    'it is a hardlink to kept.txt, which is neither a file nor a symlink of this context',
  ],
  ['named as the lock', [{ path: '.ctxsync-lock' }], "it has a receiver's own work name"],
])('5: a hostile sender’s entry %s is refused', (_, entries, words) =>
  withScene(async (sandbox) => {
    const harmless = { path: 'harmless.txt' };
    const input = streamOf([harmless, ...entries]);
    const outcome = await run(['receive', sandbox.out], { input });
    expectFailure(outcome, 5, words);
    expectUntouched(sandbox);
    expect(existsSync(join(sandbox.directory, 'evil'))).toBe(false);
  }),
);
