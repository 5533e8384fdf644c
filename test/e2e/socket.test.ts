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
    withScene(async (scene) => {
      const context = join(scene.folder, 'exotic');
      makeExoticTree(context);
      const out = join(scene.folder, 'fresh');
      expectDone(await overSocket(scene, [context], [out]));
      expect(treeState(out)).toEqual(treeState(context));
    }));

  test('carries several named contexts side by side', () =>
    withScene(async (scene) => {
      const { folder, out } = scene;
      const names = Array.from({ length: 10 }, (_, i) => `part-${i}`);
      for (const name of names) writeTree(join(folder, name), { 'name.txt': name.repeat(20_000) });
      const contexts = names.map((name) => `${name}=${join(folder, name)}`);
      expectDone(await overSocket(scene, contexts, [out]));
      for (const name of names) {
        expect(treeState(join(out, name))).toEqual(treeState(join(folder, name)));
      }
    }));

  test('waits for a receiver that comes later', () =>
    withScene(async (scene) => {
      const socket = socketOf(scene);
      const log = join(scene.folder, 'report.json');
      const sender = startInTest(['send', scene.context, '--socket', socket, '--report', log]);
      // It opens its report before it connects.
      await until('the sender has begun', () => existsSync(log));
      const receiver = await startReceiver(socket, [scene.out]);
      expectDone(await bothEnds({ sender, receiver }));
      expect(readFileSync(join(scene.out, 'a.txt'), 'utf8')).toBe('new');
    }));
});

describe('nobody comes', () => {
  test('a sender without a receiver fails when its time is over, and says what it waited for', () =>
    withScene(async (scene) => {
      const socket = socketOf(scene);
      const limit = ['--connect-timeout', '300ms'];
      const outcome = await run(['send', scene.context, '--socket', socket, ...limit]);
      expectFailure(outcome, 7, `--socket ${socket}: no receiver listened for 0.3s`);
    }));

  test('a receiver without a sender fails when its time is over, and leaves nothing', () =>
    withScene(async (scene) => {
      const socket = socketOf(scene);
      const limit = ['--connect-timeout', '300ms'];
      const outcome = await run(['receive', scene.out, '--socket', socket, ...limit]);
      expectFailure(outcome, 7, `--socket ${socket}: no sender came for 0.3s`);
      expect(existsSync(socket)).toBe(false);
      expectUntouched(scene);
    }));

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends a receiver that waits, and its socket file is gone', (signal, status) =>
    withScene(async (scene) => {
      const socket = socketOf(scene);
      const receiver = await startReceiver(socket, [scene.out]);
      receiver.child.kill(signal);
      expectFailure(await receiver.done, status, 'interrupted');
      expect(existsSync(socket)).toBe(false);
      expectUntouched(scene);
    }),
  );

  test.each([
    ['send', 'nobody listens on .* yet; waiting for a receiver'],
    ['receive', 'no sender has come to .* yet; waiting for one'],
  ])('%s says what it waits for', (side, words) =>
    withScene(async (scene) => {
      const at = side === 'send' ? scene.context : join(scene.folder, 'fresh');
      const args = [side, at, '--socket', socketOf(scene), '--stall-after', '50ms'];
      const waiting = startInTest(args);
      await until('it says so', () => new RegExp(`warning: ${words}`).test(waiting.said()));
      waiting.child.kill('SIGINT');
      expectFailure(await waiting.done, 130, 'interrupted; nothing was transferred');
    }),
  );

  test('SIGINT ends a sender that waits', () =>
    withScene(async (scene) => {
      const log = join(scene.folder, 'report.json');
      const args = ['--socket', socketOf(scene), '--report', log];
      const sender = startInTest(['send', scene.context, ...args]);
      await until('the sender has begun', () => existsSync(log));
      sender.child.kill('SIGINT');
      expectFailure(await sender.done, 130, 'interrupted; nothing was transferred');
    }));
});

describe('the socket file', () => {
  test("is its user's alone, and gone after a transfer", () =>
    withScene(async (scene) => {
      const socket = socketOf(scene);
      const receiver = await startReceiver(socket, [scene.out]);
      const stats = statSync(socket);
      expect([stats.isSocket(), stats.mode & 0o777]).toEqual([true, 0o600]);
      const sender = startInTest(['send', scene.context, '--socket', socket]);
      expectDone(await bothEnds({ sender, receiver }));
      expect(existsSync(socket)).toBe(false);
    }));

  test('is gone after a failure', () =>
    withScene(async (scene) => {
      const { receive } = await overSocket(scene, [scene.context], [scene.out, '--max-entries=1']);
      expectFailure(receive, 5);
      expect(existsSync(socketOf(scene))).toBe(false);
    }));

  test('of a receiver that was killed is taken over', () =>
    withScene(async (scene) => {
      const socket = socketOf(scene);
      await leaveStale(socket);
      const receiver = startInTest(['receive', scene.out, '--socket', socket]);
      // Meets the stale file, or the new one.
      const sender = startInTest(['send', scene.context, '--socket', socket]);
      expectDone(await bothEnds({ sender, receiver }));
      expect(existsSync(socket)).toBe(false);
    }));

  test('that is stale and cannot be removed is said', () =>
    withScene(async (scene) => {
      const folder = join(scene.folder, 'run');
      mkdirSync(folder);
      const socket = socketOf({ folder });
      await leaveStale(socket);
      const options = unprivileged(scene.folder);
      chmodSync(folder, 0o500);
      const outcome = await run(['receive', scene.out, '--socket', socket], options);
      const words = `cannot listen on --socket ${socket}: permission denied (EACCES)`;
      expectFailure(outcome, 4, words);
    }));

  test.each(['file', 'folder'])('a %s in its place is refused, and not touched', (kind) =>
    withScene(async (scene) => {
      const socket = socketOf(scene);
      if (kind === 'file') writeFileSync(socket, 'precious');
      else mkdirSync(socket);
      const before = treeState(socket);
      const outcome = await run(['receive', scene.out, '--socket', socket]);
      expectFailure(outcome, 2, `--socket ${socket}: it exists and is no socket`);
      expect(treeState(socket)).toEqual(before);
      expectUntouched(scene);
    }),
  );

  test('that a receiver listens on is refused to another, and the first goes on', () =>
    withScene(async (scene) => {
      const socket = socketOf(scene);
      const receiver = await startReceiver(socket, [scene.out]);
      for (let attempt = 0; attempt < 2; attempt++) {
        const second = await run(['receive', join(scene.folder, 'b'), '--socket', socket]);
        expectFailure(second, 4, 'another receiver listens there');
      }
      const sender = startInTest(['send', scene.context, '--socket', socket]);
      expectDone(await bothEnds({ sender, receiver }));
      expect(readFileSync(join(scene.out, 'a.txt'), 'utf8')).toBe('new');
    }));

  test.each(['send', 'receive'])('%s refuses a path that is too long for a socket', (side) =>
    withScene(async (scene) => {
      const longest = scene.folder.padEnd(scene.folder.length + 1, '/').padEnd(107, 's');
      const limit = ['--connect-timeout', '1ms'];
      const subject = side === 'send' ? scene.context : scene.out;
      expectExit(await run([side, subject, '--socket', longest, ...limit]), 7);
      const outcome = await run([side, subject, '--socket', `${longest}s`, ...limit]);
      expectFailure(outcome, 2, '108 bytes, 1 to 107 are possible; use a shorter path');
    }),
  );

  test('in a folder that does not exist cannot be listened on', () =>
    withScene(async (scene) => {
      const socket = join(scene.folder, 'no', 'socket');
      const outcome = await run(['receive', scene.out, '--socket', socket]);
      expectFailure(outcome, 4, `cannot listen on --socket ${socket}`);
      expectUntouched(scene);
    }));
});

/** The file of a receiver that was killed. */
async function leaveStale(socket: string): Promise<void> {
  const killed = await startReceiver(socket, [join(socket, '../no')]);
  killed.child.kill('SIGKILL');
  await killed.done;
  expect(existsSync(socket)).toBe(true);
}

test('a second sender of one receiver is told that nobody listens', () =>
  withScene(async (scene) => {
    const socket = socketOf(scene);
    const both = await startOverSocket({ socket }, [scene.context], [scene.out]);
    expectDone(await bothEnds(both));
    const late = await run(['send', scene.context, '--socket', socket, '--connect-timeout=1ms']);
    expectFailure(late, 7, 'no receiver listened');
  }));
