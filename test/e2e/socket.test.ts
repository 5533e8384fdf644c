import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run, startInTest } from '../helpers/cli/cli.ts';
import {
  bothEnds,
  overSocket,
  socketOf,
  startOverSocket,
  startReceiver,
} from '../helpers/cli/duplex.ts';
import { DEFAULT_RECEIVE_CONNECT_MS } from '../../src/limits.ts';
import { makeExoticTree } from '../helpers/trees/exotic-tree.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  unprivileged,
  withScene,
  writeTree,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

describe('a transfer', () => {
  test('is exact, and both sides succeed', () =>
    withScene(async (sandbox) => {
      const context = join(sandbox.directory, 'exotic');
      makeExoticTree(context);
      const out = join(sandbox.directory, 'fresh');
      expectDone(await overSocket(sandbox, [context], [out]));
      expect(treeState(out)).toEqual(treeState(context));
    }));

  test('carries several named contexts in parallel', () =>
    withScene(async (sandbox) => {
      const { directory, out } = sandbox;
      const names = Array.from({ length: 10 }, (_, i) => `part-${i}`);
      for (const name of names)
        writeTree(join(directory, name), { 'name.txt': name.repeat(20_000) });
      const contexts = names.map((name) => `${name}=${join(directory, name)}`);
      expectDone(await overSocket(sandbox, contexts, [out]));
      for (const name of names) {
        expect(treeState(join(out, name))).toEqual(treeState(join(directory, name)));
      }
    }));

  test('waits for a receiver that starts later', () =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      const log = join(sandbox.directory, 'report.json');
      const sender = startInTest(['send', sandbox.context, '--socket', socket, '--report', log]);
      // It opens its report before it connects.
      await until('the sender has begun', () => existsSync(log));
      const receiver = await startReceiver(socket, [sandbox.out]);
      expectDone(await bothEnds({ sender, receiver }));
      expect(readFileSync(join(sandbox.out, 'a.txt'), 'utf8')).toBe('new');
    }));
});

describe('when no peer comes', () => {
  test('a sender fails after --connect-timeout and reports what it waited for', () =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      const limit = ['--connect-timeout', '300ms'];
      const outcome = await run(['send', sandbox.context, '--socket', socket, ...limit]);
      expectFailure(outcome, 7, `the socket ${socket}: no receiver listened for 0.3s`);
    }));

  test('a receiver fails after --connect-timeout and leaves nothing', () =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      const limit = ['--connect-timeout', '300ms'];
      const outcome = await run(['receive', sandbox.out, '--socket', socket, ...limit]);
      expectFailure(outcome, 7, `the socket ${socket}: no sender connected within 0.3s`);
      expect(existsSync(socket)).toBe(false);
      expectUntouched(sandbox);
    }));

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends a receiver that waits, which removes its socket file', (signal, status) =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      const receiver = await startReceiver(socket, [sandbox.out]);
      receiver.child.kill(signal);
      expectFailure(await receiver.done, status, 'interrupted');
      expect(existsSync(socket)).toBe(false);
      expectUntouched(sandbox);
    }),
  );

  test.each([
    ['send', 'ctxsync send: waiting for a receiver on SOCKET (gives up in 60s)\n'],
    ['receive', 'ctxsync receive: listening on SOCKET (gives up in 5m)\n'],
  ])('%s reports in one line what it waits for, and for how long', (side, line) =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      const at = side === 'send' ? sandbox.context : join(sandbox.directory, 'fresh');
      const waiting = startInTest([side, at, '--socket', socket]);
      const expected = line.replace('SOCKET', socket);
      await until('it says so', () => waiting.said() === expected);
      waiting.child.kill('SIGINT');
      expectFailure(await waiting.done, 130, 'interrupted; nothing was transferred');
      expect(waiting.said().split('\n')).toHaveLength(3);
    }),
  );

  test('a receiver reports in JSON where it listens, and nothing when it is quiet', () =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      const receiver = await startReceiver(socket, [sandbox.out, '--progress', 'json']);
      await until('it says so', () => /"waiting".*\n$/.test(receiver.said()));
      const [, waiting = ''] = receiver.said().split('\n');
      expect(JSON.parse(waiting)).toEqual({
        type: 'waiting',
        side: 'receiver',
        socket,
        givesUpInMs: DEFAULT_RECEIVE_CONNECT_MS,
      });
      receiver.child.kill('SIGINT');
      await receiver.done;
      const { receive } = await overSocket(sandbox, [sandbox.context, '-q'], [sandbox.out, '-q']);
      expect(receive).toMatchObject({ code: 0, stderr: '' });
    }));

  test('SIGINT ends a sender that waits', () =>
    withScene(async (sandbox) => {
      const log = join(sandbox.directory, 'report.json');
      const args = ['--socket', socketOf(sandbox), '--report', log];
      const sender = startInTest(['send', sandbox.context, ...args]);
      await until('the sender has begun', () => existsSync(log));
      sender.child.kill('SIGINT');
      expectFailure(await sender.done, 130, 'interrupted; nothing was transferred');
    }));
});

describe('the socket file', () => {
  test('is accessible only to its user, and gone after a transfer', () =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      const receiver = await startReceiver(socket, [sandbox.out]);
      const stats = statSync(socket);
      expect([stats.isSocket(), stats.mode & 0o777]).toEqual([true, 0o600]);
      const sender = startInTest(['send', sandbox.context, '--socket', socket]);
      expectDone(await bothEnds({ sender, receiver }));
      expect(existsSync(socket)).toBe(false);
    }));

  test('is gone after a failure', () =>
    withScene(async (sandbox) => {
      const { receive } = await overSocket(
        sandbox,
        [sandbox.context],
        [sandbox.out, '--max-entries=1'],
      );
      expectFailure(receive, 5);
      expect(existsSync(socketOf(sandbox))).toBe(false);
    }));

  test('of a receiver that was killed is taken over', () =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      await leaveStale(socket);
      const receiver = startInTest(['receive', sandbox.out, '--socket', socket]);
      // It finds the stale file or the new one.
      const sender = startInTest(['send', sandbox.context, '--socket', socket]);
      expectDone(await bothEnds({ sender, receiver }));
      expect(existsSync(socket)).toBe(false);
    }));

  test('is named in an error when it is stale and cannot be removed', () =>
    withScene(async (sandbox) => {
      const directory = join(sandbox.directory, 'run');
      mkdirSync(directory);
      const socket = socketOf({ directory });
      await leaveStale(socket);
      const options = unprivileged(sandbox.directory);
      chmodSync(directory, 0o500);
      const outcome = await run(['receive', sandbox.out, '--socket', socket], options);
      const words = `cannot listen on the socket ${socket}: permission denied (EACCES)`;
      expectFailure(outcome, 4, words);
    }));

  test.each(['file', 'directory'])('does not replace a %s, which stays as it was', (kind) =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      if (kind === 'file') writeFileSync(socket, 'precious');
      else mkdirSync(socket);
      const before = treeState(socket);
      const outcome = await run(['receive', sandbox.out, '--socket', socket]);
      expectFailure(outcome, 2, `the socket ${socket}: it exists and is not a socket`);
      expect(treeState(socket)).toEqual(before);
      expectUntouched(sandbox);
    }),
  );

  test('of a receiver that listens is refused to another, and the first one continues', () =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      const receiver = await startReceiver(socket, [sandbox.out]);
      for (let attempt = 0; attempt < 2; attempt++) {
        const second = await run(['receive', join(sandbox.directory, 'b'), '--socket', socket]);
        expectFailure(second, 4, 'another receiver listens there');
      }
      const sender = startInTest(['send', sandbox.context, '--socket', socket]);
      expectDone(await bothEnds({ sender, receiver }));
      expect(readFileSync(join(sandbox.out, 'a.txt'), 'utf8')).toBe('new');
    }));

  test.each(['send', 'receive'])(
    'is refused by %s when its path is too long for a socket',
    (side) =>
      withScene(async (sandbox) => {
        const longest = sandbox.directory
          .padEnd(sandbox.directory.length + 1, '/')
          .padEnd(107, 's');
        const limit = ['--connect-timeout', '1ms'];
        const subject = side === 'send' ? sandbox.context : sandbox.out;
        expectExit(await run([side, subject, '--socket', longest, ...limit]), 7);
        const outcome = await run([side, subject, '--socket', `${longest}s`, ...limit]);
        expectFailure(outcome, 2, '108 bytes is not between 1 and 107; use a shorter path');
      }),
  );

  test('cannot be created in a directory that does not exist', () =>
    withScene(async (sandbox) => {
      const socket = join(sandbox.directory, 'no', 'socket');
      const outcome = await run(['receive', sandbox.out, '--socket', socket]);
      expectFailure(outcome, 4, `cannot listen on the socket ${socket}`);
      expectUntouched(sandbox);
    }));
});

/** Leaves the file of a receiver that was killed. */
async function leaveStale(socket: string): Promise<void> {
  const killed = await startReceiver(socket, [join(socket, '../no')]);
  killed.child.kill('SIGKILL');
  await killed.done;
  expect(existsSync(socket)).toBe(true);
}

test('a second sender for one receiver reports that nobody listens', () =>
  withScene(async (sandbox) => {
    const socket = socketOf(sandbox);
    const both = await startOverSocket({ socket }, [sandbox.context], [sandbox.out]);
    expectDone(await bothEnds(both));
    const late = await run(['send', sandbox.context, '--socket', socket, '--connect-timeout=1ms']);
    expectFailure(late, 7, 'no receiver listened');
  }));
