import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IO_BUFFER_BYTES, MAX_SERVED, RING_BYTES } from '../../src/limits.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  withScene,
  workNames,
} from '../helpers/trees/sandbox.ts';
import { bigContext, expectCleanEnd, floodOf, helloOf, Server } from '../helpers/cli/serve.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

const MiB = 1024 * 1024;
/** The most that the Node runtime takes for a disk thread. */
const THREAD_BYTES = 20 * MiB;
/** How much garbage there may be in any measurement. */
const GARBAGE_BYTES = 48 * MiB;
/** Reports a stall soon, so that a test need not wait for long. */
const SOON = ['--stall-after', '1s'];

describe('many senders', () => {
  test('with different names are served in parallel', () =>
    withScene(async (sandbox) => {
      const { context, out } = sandbox;
      const big = bigContext(sandbox);
      const server = await Server.start(sandbox);
      const held = await server.sendHeld(`slow=${big}`);
      expectExit(await server.send(`quick=${context}`).done, 0);
      expect(treeState(join(out, 'quick'))).toEqual(treeState(context));
      expect(held.sender.child.exitCode).toBeNull();
      held.release();
      expectExit(await held.sender.done, 0);
      expect(treeState(join(out, 'slow'))).toEqual(treeState(big));
      expectExit(await server.end('SIGTERM'), 0);
    }));

  test('with one destination take turns and report that they wait, and the last one wins', () =>
    withScene(async (sandbox) => {
      const { out } = sandbox;
      const contexts = ['first', 'second', 'third'].map((name) => bigContext(sandbox, name));
      const server = await Server.start(sandbox, ['--delete']);
      const first = await server.sendHeld(`web=${contexts[0]}`);
      const second = server.send(`web=${contexts[1]}`);
      await until('the second is told', () => second.said() !== '');
      // OUT as a whole excludes every name in it.
      const third = server.send(contexts[2]!);
      await until('the third is told', () => third.said() !== '');
      expect(second.said()).toBe('ctxsync send: waiting: 1 sender ahead\n');
      expect(third.said()).toBe('ctxsync send: waiting: 2 senders ahead\n');
      first.release();
      for (const { done } of [first.sender, second, third]) expectExit(await done, 0);
      expect(treeState(out)).toEqual(treeState(contexts[2]!));
      expect(server.started.said()).toMatch(
        /^ctxsync receive: #1 \S+\/web: received 2 entries, 1 removed, 3.15 MB in /m,
      );
      expect(server.started.said()).toContain(`#3 ${out}: waiting: 2 senders ahead\n`);
      expect(server.started.said()).toMatch(/^ctxsync receive: listening on \S+\n/);
      expectExit(await server.end('SIGTERM'), 0);
    }));

  test('succeed although five of twenty are hostile or frozen', () =>
    withScene(async (sandbox) => {
      const { directory, out } = sandbox;
      const server = await Server.start(sandbox, [...SOON, '--max-entries=100']);
      const before = server.memory('VmHWM');
      const silent = await server.connect();
      const garbage = await server.connect(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
      const broken = await server.connect(helloOf({ contexts: ['broken'] }), Buffer.alloc(64, 1));
      const mute = await server.connect(helloOf({ contexts: ['mute'] }));
      const frozen = await server.sendHeld(`frozen=${bigContext(sandbox, 'frozen')}`);
      frozen.sender.child.kill('SIGSTOP');
      await server.said(/mute: receiving/);

      const names = Array.from({ length: 13 }, (_, i) => `good-${i}`);
      const jobs = [...names, 'mute', 'frozen'].map((name) => {
        const context = bigContext({ ...sandbox, directory: join(directory, 'all') }, name);
        return { name, context, sender: server.send(`${name}=${context}`) };
      });
      for (const { name, context, sender } of jobs) {
        expectExit(await sender.done, 0);
        expect(treeState(join(out, name))).toEqual(treeState(context));
      }
      await until('the others are let go', () => [silent, garbage, broken, mute].every(isClosed));
      expect(garbage.heard).toBe('');
      expect(mute.heard).toMatch(/gave up: nothing moved for \d+s while other senders waited for/);
      const bound = 20 * (RING_BYTES + 2 * IO_BUFFER_BYTES + THREAD_BYTES);
      expect(server.memory('VmHWM') - before).toBeLessThan(bound);

      const { stderr } = await expectCleanEnd(server);
      expect(stderr.match(/received 2 entries/g)).toHaveLength(15);
      expect(stderr).toMatch(/#\d+: error: what arrives is not from ctxsync; it begins with "?GET/);
      expect(stderr).toMatch(/#\d+ \S+\/broken: error: /);
      expect(stderr).not.toMatch(/^\s+at .*:\d+/m);
      for (const name of ['mute', 'frozen']) {
        expect(stderr).toMatch(new RegExp(`/${name}: error: gave up: nothing moved for `));
        expect(workNames(join(out, name))).toEqual([]);
      }
      expect(workNames(out)).toEqual([]);
    }));

  test('cost no thread and no ring while they wait, even if they are more than are served at a time', () =>
    withScene(async (sandbox) => {
      const server = await Server.start(sandbox);
      await server.connect(helloOf({ contexts: ['web'] }));
      await server.said('#1 .*/web: receiving');
      const [threads, before] = [server.threads, server.memory('VmRSS')];
      const flood = floodOf('web', RING_BYTES);
      const waiting = [];
      for (let count = 1; count < MAX_SERVED; count += 1) waiting.push(await server.connect(flood));
      await server.said(`waiting: ${MAX_SERVED - 1} senders ahead`);
      const one = await server.connect(helloOf({ contexts: ['web'] }));
      expect(server.threads).toBe(threads);
      const bound = MAX_SERVED * 2 * IO_BUFFER_BYTES + GARBAGE_BYTES;
      expect(server.memory('VmHWM') - before).toBeLessThan(bound);
      expect(one.heard).toBe('');
      expect(server.started.said()).not.toContain(`#${MAX_SERVED + 1} `);
      expectFailure(await server.end('SIGINT'), 130, /#2 .*interrupted/);
      expectUntouched(sandbox);
    }));
});

describe('a sender that makes no progress', () => {
  test('keeps its turn only while nobody waits for its destination', () =>
    withScene(async (sandbox) => {
      const { context, out } = sandbox;
      const server = await Server.start(sandbox, SOON);
      const held = await server.sendHeld(`web=${bigContext(sandbox)}`);
      await server.said(/#1 .*\/web: stalled 1s: /);
      expectExit(await server.send(`other=${context}`).done, 0);
      expect(held.sender.child.exitCode).toBeNull();
      expectExit(await server.send(`web=${context}`).done, 0);
      expectFailure(
        await held.sender.done,
        9,
        `the receiver failed: gave up: nothing moved for`,
        `while other senders waited for ${join(out, 'web')}`,
      );
      expect(readFileSync(join(out, 'web', 'a.txt'), 'utf8')).toBe('new');
      await expectCleanEnd(server);
    }));

  test('may leave the queue without harm to others', () =>
    withScene(async (sandbox) => {
      const server = await Server.start(sandbox);
      const held = await server.sendHeld(`web=${bigContext(sandbox)}`);
      const waits = server.send(`web=${sandbox.context}`);
      await until('it is told', () => waits.said().includes('waiting: '));
      waits.child.kill('SIGKILL');
      await server.said(/#2 .*error: the sender left while it waited for its turn/);
      held.release();
      expectExit(await held.sender.done, 0);
      await expectCleanEnd(server);
    }));
});

function isClosed({ closed }: { closed: boolean }): boolean {
  return closed;
}
