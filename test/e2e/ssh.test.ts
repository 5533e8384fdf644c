import { chmodSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { BIN, run, start, type Outcome, type Started, startInTest } from '../helpers/cli/cli.ts';
import { addBigFile, processesWith, receives } from '../helpers/cli/duplex.ts';
import { makeExoticTree } from '../helpers/trees/exotic-tree.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  withScene,
  writeTree,
  type Sandbox,
} from '../helpers/trees/sandbox.ts';
import { freePort, SshServer, whyNoSshd, type Way } from '../helpers/cli/sshd.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

const NOISE = 'Welcome to build-7';
/** All buffers in between, including those of ssh and sshd, hold a fraction of it. */
const BEYOND_BUFFERS = 24 * 1024 * 1024;
/** Sparse, so it needs no disk; ssh takes many seconds for it, and we end it in the first. */
const ENDLESS = 2 * 1024 * 1024 * 1024;

const why = whyNoSshd();
// Prints the reason, because the report only counts skipped tests.
if (why !== undefined) process.stderr.write(`ssh.test.ts is skipped: ${why}\n`);

let server: SshServer;

describe.skipIf(why !== undefined)('over ssh', () => {
  beforeAll(async () => {
    server = new SshServer();
    await server.start({ noise: NOISE });
  });
  afterAll(() => server.stop());

  describe('a context', () => {
    test('arrives as an exact copy', () =>
      withScene(async ({ directory }) => {
        const context = join(directory, 'exotic');
        makeExoticTree(context, { readable: process.getuid?.() !== 0 });
        const out = join(directory, 'fresh');
        expectExit(await sendTo(out, context), 0);
        expect(treeState(out)).toEqual(treeState(context));
      }));

    test('arrives in an OUT whose path has spaces and quotes', () =>
      withScene(async ({ directory, context }) => {
        const out = join(directory, `it's "here" $HOME`);
        expectExit(await sendTo(out, context), 0);
        expect(treeState(out)).toEqual(treeState(context));
      }));

    test('may be larger than all buffers', () =>
      withScene(async ({ context, out }) => {
        addBigFile({ context }, BEYOND_BUFFERS);
        expectExit(await sendTo(out, context, ['--delete']), 0);
        expect(treeState(out)).toEqual(treeState(context));
      }));

    test('can be sent again: OUT is exact each time, and only changes are sent', () =>
      withScene(async ({ context, out }) => {
        const sendAgain = async (words: RegExp): Promise<void> => {
          const outcome = await sendTo(out, context, ['--delete']);
          expectExit(outcome, 0);
          expect(outcome.stderr).toMatch(words);
          expect(treeState(out)).toEqual(treeState(context));
        };
        addBigFile({ context }, BEYOND_BUFFERS);
        await sendAgain(/^ctxsync send: 5 changed, 1 only in mode or time, 1 removed, 25\.\d MB/m);
        await sendAgain(/^ctxsync send: up to date, \d+ entries unchanged/m);
        change(context);
        await sendAgain(/^ctxsync send: [1-9]\d* changed, .*\d+ unchanged, \d+ B in /m);
      }));
  });

  describe('Ctrl-C in the middle ends both sides, and nothing is committed', () => {
    test('when only the sender receives it', () =>
      withScene(async (sandbox) => {
        const sender = await startInMiddle(sandbox);
        sender.child.kill('SIGINT');
        expectFailure(await sender.done, 130, 'interrupted; nothing was committed');
        await expectNothingLeft(sandbox, sender);
      }));

    test('when ssh receives it too, as on a terminal', () =>
      withScene(async (sandbox) => {
        const sender = await startInMiddle(sandbox, startGroup);
        signalGroup(sender, 'SIGINT');
        expectFailure(await sender.done, 130, 'interrupted; nothing was committed');
        await expectNothingLeft(sandbox, sender);
      }));
  });

  test('SIGKILL of ssh is reported, and the receiver rolls everything back', () =>
    withScene(async (sandbox) => {
      const sender = await startInMiddle(sandbox);
      const clients = processesWith(server.key, sender);
      expect(clients).toHaveLength(1);
      process.kill(clients[0]!, 'SIGKILL');
      expectFailure(await sender.done, 7, /"ssh .*" was ended by SIGKILL/);
      await expectNothingLeft(sandbox, sender);
    }));

  describe('a sender fails when the remote side', () => {
    test('has a profile that prints something, and shows what it prints', () =>
      withScene(async (sandbox) => {
        const outcome = await sendTo(sandbox.out, sandbox.context, [], { key: server.noisyKey });
        expectFailure(outcome, 6, `it begins with "${NOISE}`);
        await until('the receiver has ended', () => server.sessions().length === 0);
        expectUntouched(sandbox);
      }));

    test('has no ctxsync, and shows its message', () =>
      withScene(async (sandbox) => {
        const remote = ['ctxsync-is-not-here', 'receive', sandbox.out];
        const outcome = await run(['send', sandbox.context, ...server.command(remote)]);
        expectFailure(
          outcome,
          7,
          /\| .*ctxsync-is-not-here.*not found/,
          /the receiver did not start: .* ended with exit status 127: .*install ctxsync there/,
        );
        expectUntouched(sandbox);
      }));

    test('has another host key, and shows the message of ssh', () =>
      withScene(async (sandbox) => {
        const way = { knownHosts: server.wrongHosts };
        const outcome = await sendTo(sandbox.out, sandbox.context, [], way);
        expectFailure(
          outcome,
          7,
          /\| Host key verification failed\.$/m,
          /ended with exit status 255$/m,
        );
        expectUntouched(sandbox);
      }));

    test('does not listen, and shows the message of ssh', () =>
      withScene(async (sandbox) => {
        const outcome = await sendTo(sandbox.out, sandbox.context, [], { port: await freePort() });
        expectFailure(outcome, 7, /\| .*Connection refused$/m, /ended with exit status 255$/m);
        expectUntouched(sandbox);
      }));
  });
});

function receiveOver(out: string, options: readonly string[] = [], way: Way = {}): string[] {
  // Not "ctxsync", which is not on PATH here.
  return server.command([process.execPath, BIN, 'receive', ...options, out], way);
}

function sendTo(
  out: string,
  context: string,
  receiveOptions: readonly string[] = [],
  way: Way = {},
): Promise<Outcome> {
  return run(['send', context, ...receiveOver(out, receiveOptions, way)]);
}

/** Changes content, size, mode and type, and adds and removes entries. */
function change(context: string): void {
  writeTree(context, { 'a.txt': 'NEW', 'added/b.txt': 'b' });
  chmodSync(join(context, 'web'), 0o700);
  unlinkSync(join(context, 'web/app.js'));
  symlinkSync('../a.txt', join(context, 'web/app.js'));
  rmSync(join(context, 'web/img'), { recursive: true });
}

/** A transfer whose receiver has begun, and that does not end before we end it. */
async function startInMiddle(
  sandbox: Sandbox,
  begin: (args: readonly string[]) => Started = startInTest,
): Promise<Started> {
  addBigFile(sandbox, ENDLESS);
  const sender = begin(['send', sandbox.context, ...receiveOver(sandbox.out)]);
  await receives(sandbox);
  // That of sshd and the receiver's: otherwise finding none at the end would prove nothing.
  expect(server.sessions().length).toBeGreaterThanOrEqual(2);
  return sender;
}

/** A process group, as a shell makes one for a command on a terminal. */
function startGroup(args: readonly string[]): Started {
  const sender = start(args, { detached: true });
  onTestFinished(() => signalGroup(sender, 'SIGKILL'));
  return sender;
}

function signalGroup({ child }: Started, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // All of it has ended.
  }
}

/** No ssh, no session, no receiver; and OUT is as it was. */
async function expectNothingLeft(sandbox: Sandbox, sender: Started): Promise<void> {
  await until('no ssh is left', () => processesWith(server.key, sender).length === 0);
  await until('no session and no receiver is left', () => server.sessions().length === 0);
  expectUntouched(sandbox);
}
