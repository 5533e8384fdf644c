import { chmodSync, chownSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Receipt } from '../../src/wire/messages.ts';
import { run, startInTest } from '../helpers/cli/cli.ts';
import {
  addBigFile,
  bothEnds,
  overSocket,
  receiveCommand,
  receives,
  socketOf,
  startOverSocket,
  startReceiver,
  type BothSides,
} from '../helpers/cli/duplex.ts';
import { fakeReceiver, type Manners } from '../helpers/wire/fake-receiver.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  unprivileged,
  withScene,
  workNames,
  type Ended,
  type Sandbox,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// On a bidirectional transport a sender succeeds if and only if the receiver committed.

/** Like `expectUntouched`, but for a killed receiver, whose work names are left. */
function expectOnlyWorkNames({ out, before }: Sandbox): void {
  const left = new Set(workNames(out));
  const state = Object.entries(treeState(out)).filter(
    ([path]) => path !== '' && !left.has(path.split('/')[0]!),
  );
  const old = Object.entries(before).filter(([path]) => path !== '');
  expect(Object.fromEntries(state)).toEqual(Object.fromEntries(old));
}

/** Both sides of a transfer of a big context, of which the receiver has a part. */
async function startInMiddle(sandbox: Sandbox): Promise<BothSides> {
  addBigFile(sandbox);
  const socket = socketOf(sandbox);
  const both = await startOverSocket({ socket }, [sandbox.context], [sandbox.out]);
  await receives(sandbox);
  return both;
}

describe('when the receiver is killed', () => {
  test('before a transfer, its sender finds no receiver', () =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      const receiver = await startReceiver(socket, [sandbox.out]);
      receiver.child.kill('SIGKILL');
      await receiver.done;
      const limit = ['--connect-timeout', '200ms'];
      const send = await run(['send', sandbox.context, '--socket', socket, ...limit]);
      expectFailure(send, 7, 'no receiver listened for 0.2s');
      expectUntouched(sandbox);
    }));

  test('in the middle, its sender reports that it is gone', () =>
    withScene(async (sandbox) => {
      const { sender, receiver } = await startInMiddle(sandbox);
      receiver.child.kill('SIGKILL');
      expect(await receiver.done).toMatchObject({ signal: 'SIGKILL' });
      expectFailure(await sender.done, 7, /the (receiver|peer) is gone/);
      expectOnlyWorkNames(sandbox);
    }));
});

describe('a sender exits with 9 and the message of its receiver when', () => {
  test.each<[when: string, option: string, limit: string, arrange: (sandbox: Sandbox) => void]>([
    ['over a limit', '--max-entries', '2', () => {}],
    ['over a limit in the middle of a big context', '--max-bytes', '20MB', addBigFile],
  ])('the receiver is %s', (_, option, limit, arrange) =>
    withScene(async (sandbox) => {
      arrange(sandbox);
      const limited = [sandbox.out, `${option}=${limit}`];
      const { send, receive } = await overSocket(sandbox, [sandbox.context], limited);
      expectFailure(receive, 5, option);
      expectPassedOn(receive, send);
      expectUntouched(sandbox);
    }),
  );

  test('OUT cannot be written to', () =>
    withScene(async (sandbox) => {
      const file = join(sandbox.directory, 'file');
      writeFileSync(file, '');
      const { send, receive } = await overSocket(sandbox, [sandbox.context], [join(file, 'out')]);
      expectFailure(receive, 4, `cannot write into ${file}/out`);
      expectPassedOn(receive, send);
    }));

  test.runIf(process.getuid?.() === 0)('the commit is refused, and OUT is as it was', () =>
    withScene(async (sandbox) => {
      const options = unprivileged(sandbox.directory);
      // Only its owner, another user, may write to it: staged entries cannot be moved into it.
      chownSync(join(sandbox.out, 'web'), 0, 0);
      const before = treeState(sandbox.out);
      const socket = socketOf(sandbox);
      const receiving = run(['receive', sandbox.out, '--socket', socket], options);
      const send = await run(['send', sandbox.context, '--socket', socket, '--full'], options);
      const receive = await receiving;
      expectFailure(receive, 4, 'web');
      expectPassedOn(receive, send);
      expectUntouched({ ...sandbox, before });
    }),
  );

  test('OUT is locked by another receiver', () =>
    withScene(async (sandbox) => {
      const holder = startInTest(['receive', sandbox.out]);
      await receives(sandbox);
      const { send, receive } = await overSocket(sandbox, [sandbox.context], [sandbox.out]);
      expectFailure(receive, 4, `pid ${holder.child.pid} `);
      expectPassedOn(receive, send);
      holder.child.kill('SIGTERM');
      await holder.done;
      expectUntouched(sandbox);
    }));

  test('the receiver is interrupted', () =>
    withScene(async (sandbox) => {
      const { sender, receiver } = await startInMiddle(sandbox);
      receiver.child.kill('SIGINT');
      expectFailure(await receiver.done, 130, 'interrupted; nothing was committed');
      expectFailure(await sender.done, 9, 'the receiver failed: interrupted');
      expectUntouched(sandbox);
    }));

  test('the receiver fails, and --report has this code', () =>
    withScene(async ({ directory, context, out }) => {
      const report = join(directory, 'report.json');
      await overSocket({ directory }, [context, '--report', report], [out, '--max-entries=1']);
      const { default: written } = (await import(report, { with: { type: 'json' } })) as {
        default: unknown;
      };
      expect(written).toMatchObject({ exitCode: 9, error: { code: 'peer-failed' } });
    }));
});

describe('a receiver reports the failure of its sender when', () => {
  test('there is no context', () =>
    withScene(async (sandbox) => {
      const { send, receive } = await overSocket(
        sandbox,
        [join(sandbox.directory, 'no')],
        [sandbox.out],
      );
      expectFailure(send, 3, join(sandbox.directory, 'no'));
      expectPassedOn(send, receive);
      expectUntouched(sandbox);
    }));

  test('a file cannot be read', () =>
    withScene(async (sandbox) => {
      const secret = join(sandbox.context, 'web', 'secret');
      writeFileSync(secret, '');
      chmodSync(secret, 0);
      const socket = socketOf(sandbox);
      const options = unprivileged(sandbox.directory);
      const before = treeState(sandbox.out);
      const receiving = run(['receive', sandbox.out, '--socket', socket], options);
      const send = await run(['send', sandbox.context, '--socket', socket], options);
      expectFailure(send, 3, 'web/secret');
      expectPassedOn(send, await receiving);
      expectUntouched({ ...sandbox, before });
    }));

  test('the sender is interrupted', () =>
    withScene(async (sandbox) => {
      const both = await startInMiddle(sandbox);
      both.sender.child.kill('SIGTERM');
      const { send, receive } = await bothEnds(both);
      expectFailure(send, 143, 'interrupted; nothing was committed');
      expectFailure(receive, 9, 'the sender failed: interrupted');
      expectUntouched(sandbox);
    }));

  test('the sender is killed and leaves no message', () =>
    withScene(async (sandbox) => {
      const { sender, receiver } = await startInMiddle(sandbox);
      sender.child.kill('SIGKILL');
      expectFailure(await receiver.done, 7, /was killed or cancelled/);
      expectUntouched(sandbox);
    }));
});

/** The other side prints the message of one side, including the path. */
function expectPassedOn(from: Ended, to: Ended): void {
  const [, words = 'no words'] = /error: (.*)$/m.exec(from.stderr) ?? [];
  expectFailure(to, 9);
  expect(to.stderr).toContain(`failed: ${words}`);
}

describe('when everything was sent but no receipt has come', () => {
  const UNKNOWN = /everything was sent, but the receiver was lost before it confirmed the commit/;

  test.each<[what: string, onFin: Manners['onFin']]>([
    ['closes', ({ socket }) => socket.end()],
    ['breaks the connection', ({ socket }) => socket.destroy()],
  ])('the outcome is unknown if the receiver %s', (_, onFin) =>
    withScene(async (sandbox) => {
      expectFailure(await sendToFake(sandbox, { onFin }), 10, UNKNOWN);
    }),
  );

  test.each([
    ['SIGINT', []],
    ['nothing, until --stall-timeout', ['--stall-timeout', '2s']],
  ] as const)('%s ends the sender, and the outcome is unknown', (what, options) =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      let arrived = false;
      await fakeReceiver(socket, { onFin: () => (arrived = true) });
      const sender = startInTest(['send', sandbox.context, '--socket', socket, ...options]);
      await until('all has arrived', () => arrived);
      if (what === 'SIGINT') sender.child.kill('SIGINT');
      const outcome = await sender.done;
      expectFailure(outcome, 10, 'everything had been sent, but the receiver had not confirmed');
      expect(outcome.stderr).not.toContain('nothing was committed');
    }),
  );

  test('a receipt that arrives while an interrupted sender gives up still counts', () =>
    withScene(async (sandbox) => {
      const socket = socketOf(sandbox);
      let sayReceipt: (() => void) | undefined;
      await fakeReceiver(socket, {
        onFin: ({ mux, transferId, flush, socket: end }, { digest }) => {
          sayReceipt = () => {
            mux.sendReceipt({ transferId, digest });
            flush();
            end.end();
          };
          // A sender that gives up closes its direction.
          end.on('end', sayReceipt);
        },
      });
      const sender = startInTest(['send', sandbox.context, '--socket', socket]);
      await until('all has arrived', () => sayReceipt !== undefined);
      sender.child.kill('SIGINT');
      expectExit(await sender.done, 0);
    }));
});

describe('a sender, which does not trust its peer,', () => {
  test.each<[what: string, changes: Partial<Receipt>]>([
    ['with another digest', { digest: 'ab'.repeat(32) }],
    ['for another transfer', { transferId: '0'.repeat(32) }],
  ])('refuses a receipt %s', (_, changes) =>
    withScene(async (sandbox) => {
      const send = await sendToFake(sandbox, {
        onFin: ({ mux, transferId, flush }, { digest }) => {
          mux.sendReceipt({ transferId, digest, ...changes });
          flush();
        },
      });
      expectFailure(send, 6, 'the receipt is for another transfer');
    }),
  );

  test.each([
    ['another transfer', { transferId: 'f'.repeat(32) }],
    ['one way only', { mode: 'oneway', credit: 0 }],
    ['a sender', { role: 'sender' }],
  ] as const)('refuses a HELLO of %s', (_, hello) =>
    withScene(async (sandbox) => {
      const send = await sendToFake(sandbox, { hello, onFin: () => {} });
      expectFailure(send, 6, 'the answer is not from the receiver of this transfer');
    }),
  );

  test('accepts the matching receipt and waits for nothing after it', () =>
    withScene(async (sandbox) => {
      const send = await sendToFake(sandbox, {
        onFin: ({ mux, transferId, flush }, { digest }) => {
          mux.sendReceipt({ transferId, digest });
          flush();
        },
      });
      expectExit(send, 0);
    }));
});

test('a receiver that writes a tar to its stdout cannot answer there', () =>
  withScene(async ({ context, directory }) => {
    const send = await run(['send', context, ...receiveCommand('-')]);
    expectFailure(send, 7, 'the sender expects answers, and there is no way to send any');
    expect(existsSync(join(directory, '-'))).toBe(false);
  }));

/** Runs a sender whose receiver is the test. */
async function sendToFake(sandbox: Sandbox, manners: Manners): Promise<Ended> {
  const socket = socketOf(sandbox);
  await fakeReceiver(socket, manners);
  return run(['send', sandbox.context, '--socket', socket]);
}
