import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../helpers/cli/cli.ts';
import { hangingMount, whyNoMounts } from '../helpers/disk/hanging-mount.ts';
import { eventsOf } from '../helpers/cli/pausable-pipe.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  withScene,
  workNames,
} from '../helpers/trees/sandbox.ts';
import { bigContext, expectCleanEnd, helloOf, Server } from '../helpers/cli/serve.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

const why = whyNoMounts();
// Prints the reason, because the report only counts skipped tests.
if (why !== undefined) process.stderr.write(`a test of serve-ends.test.ts is skipped: ${why}\n`);

describe.skipIf(why !== undefined)('when the disk hangs', () => {
  test('a transfer that gave up does not lock out others once the disk answers again', () =>
    withScene(async (sandbox) => {
      const { context } = sandbox;
      const mount = await hangingMount((directory) => mkdirSync(join(directory, 'out')));
      const behind = join(mount.behind, 'out');
      const out = join(mount.path, 'out');
      const server = await Server.start({ ...sandbox, out }, ['--stall-timeout', '2s']);
      const held = await server.sendHeld(`web=${bigContext(sandbox)}`);
      await mount.hang(server.started.child);
      held.release();
      expectFailure(await held.sender.done, 9, 'gave up after 2s without progress: receiver is');
      // Nothing waits for the stuck thread.
      const garbage = await server.connect(Buffer.alloc(300));
      await until('others are heard', () => garbage.closed);

      // By then its thread was abandoned.
      await server.said(/#1 .*: error: gave up/);
      mount.goOn();
      await until('it is cleaned up', () => !existsSync(join(behind, 'web')));
      expectExit(await server.send(`web=${context}`).done, 0);
      expect(treeState(join(behind, 'web'))).toEqual(treeState(context));
      await expectCleanEnd(server);
    }));
});

describe('at the end of a server', () => {
  test('SIGTERM finishes running transfers, fails waiting senders, and accepts nobody else', () =>
    withScene(async (sandbox) => {
      const big = bigContext(sandbox);
      const server = await Server.start(sandbox, ['--delete']);
      const held = await server.sendHeld(`web=${big}`);
      const waits = server.send(`web=${sandbox.context}`);
      await until('it is told', () => waits.said().includes('waiting: '));
      server.started.child.kill('SIGTERM');
      expectFailure(await waits.done, 9, 'the receiver failed: interrupted');
      expect(server.listens).toBe(false);
      const late = await run(['send', big, '--socket', server.socket, '--connect-timeout=1ms']);
      expectFailure(late, 7, 'no receiver listened');
      held.release();
      expectExit(await held.sender.done, 0);
      expectExit(await server.started.done, 0);
      expect(treeState(join(sandbox.out, 'web'))).toEqual(treeState(big));
    }));

  test('SIGINT interrupts running transfers, and nothing of them is committed', () =>
    withScene(async (sandbox) => {
      const server = await Server.start(sandbox);
      const held = await server.sendHeld(bigContext(sandbox));
      expectFailure(await server.end('SIGINT'), 130, '#1 ', 'interrupted');
      expectFailure(await held.sender.done, 9, 'the receiver failed: interrupted');
      expect(server.listens).toBe(false);
      expectUntouched(sandbox);
    }));

  test('SIGHUP works like SIGINT, also when nothing runs', () =>
    withScene(async (sandbox) => {
      const server = await Server.start(sandbox);
      expectFailure(await server.end('SIGHUP'), 129, 'interrupted');
      expect(server.listens).toBe(false);
    }));

  test('SIGINT after SIGTERM does not wait for running transfers', () =>
    withScene(async (sandbox) => {
      const server = await Server.start(sandbox);
      await server.sendHeld(bigContext(sandbox));
      server.started.child.kill('SIGTERM');
      await until('it listens no more', () => !server.listens);
      server.started.child.kill('SIGINT');
      expect(await server.started.done).toMatchObject({ signal: 'SIGINT' });
    }));

  test('SIGKILL lets the next server take over the socket and remove what was left', () =>
    withScene(async (sandbox) => {
      const { context, out } = sandbox;
      const killed = await Server.start(sandbox);
      await killed.sendHeld(`web=${bigContext(sandbox)}`);
      await until('it has its stage', () => workNames(join(out, 'web')).length === 2);
      await killed.end('SIGKILL');
      expect(killed.listens).toBe(true);
      const server = await Server.start(sandbox);
      const sender = server.send(`web=${context}`);
      expectExit(await sender.done, 0);
      expect(workNames(join(out, 'web'))).toEqual([]);
      await expectCleanEnd(server);
    }));
});

describe('the name that a sender announces', () => {
  test('does not lead out of OUT through a symlink', () =>
    withScene(async (sandbox) => {
      const { directory, context, out } = sandbox;
      mkdirSync(join(directory, 'elsewhere'));
      symlinkSync(join(directory, 'elsewhere'), join(out, 'link'));
      const before = treeState(join(directory, 'elsewhere'));
      const server = await Server.start(sandbox);
      const send = await server.send(`link=${context}`).done;
      expectFailure(send, 9, 'link is a symlink, which is not followed');
      expect(treeState(join(directory, 'elsewhere'))).toEqual(before);
      await expectCleanEnd(server);
    }));

  test('cannot be a work name of receivers', () =>
    withScene(async (sandbox) => {
      const server = await Server.start(sandbox);
      const sender = await server.connect(helloOf({ contexts: ['.ctxsync-lock'] }));
      await until('it is let go', () => sender.closed);
      expect(sender.heard).toContain('cannot be the name of a context: receivers use such names');
      await expectCleanEnd(server);
      expectUntouched(sandbox);
    }));
});

test('--progress json prints the events of each transfer', () =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    const server = await Server.start(sandbox, ['--progress', 'json']);
    await Promise.all(['a', 'b'].map((name) => server.send(`${name}=${context}`).done));
    await server.end('SIGTERM');
    const ends = eventsOf(server.started).filter(({ type }) => type === 'end');
    const told = ends.map((event) => event as unknown as Record<string, unknown>);
    expect(new Set(told.map(({ transfer }) => transfer))).toEqual(new Set([1, 2]));
    expect(new Set(told.map(({ destination }) => destination))).toEqual(
      new Set([join(out, 'a'), join(out, 'b')]),
    );
    expect(told.every(({ report }) => (report as { result: string }).result === 'done')).toBe(true);
  }));

describe('--serve is refused', () => {
  test.each([
    ['without a socket', ['out'], '--serve needs --socket PATH'],
    ['with a tar on stdout', ['-', '--socket', 's'], '--serve is for a directory'],
    ['with a report', ['out', '--socket', 's', '--report', 'r'], '--report is for one transfer'],
    ['without OUT', ['', '--socket', 's'], 'OUT is empty'],
  ])('%s', (_, args, words) =>
    withScene(async ({ directory }) => {
      expectFailure(await run(['receive', '--serve', ...args], { cwd: directory }), 2, words);
    }),
  );

  test('where another receiver listens', () =>
    withScene(async (sandbox) => {
      const server = await Server.start(sandbox);
      const second = await run(['receive', '--serve', sandbox.out, '--socket', server.socket]);
      expectFailure(second, 4, 'another receiver listens there');
      await expectCleanEnd(server);
    }));

  test('where a file is in place of the socket', () =>
    withScene(async ({ directory, out }) => {
      const socket = join(directory, 'socket');
      writeFileSync(socket, '');
      const outcome = await run(['receive', '--serve', out, '--socket', socket]);
      expectFailure(outcome, 2, 'it exists and is not a socket');
    }));
});
