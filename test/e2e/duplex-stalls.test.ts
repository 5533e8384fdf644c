import { expect, onTestFinished, test } from 'vitest';
import { SUSPENSION_MS } from '../../src/limits.ts';
import { startInTest } from '../helpers/cli/cli.ts';
import {
  addBigFile,
  bothEnds,
  processesWith,
  receiveCommand,
  receives,
  socketOf,
  startOverSocket,
} from '../helpers/cli/duplex.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { expectExit, expectFailure, withScene } from '../helpers/trees/sandbox.ts';
import { fakeReceiver, type Peer } from '../helpers/wire/fake-receiver.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';
import { BEAT } from '../helpers/wire/harness.ts';

/** A process notices that it slept when it slept for three times SUSPENSION_MS. */
const NOTICED_SLEEP_MS = 4 * SUSPENSION_MS;
const SAYS = ['--stall-after', '1s'];
/** Longer than a beat proves that its sender is alive. */
const PATIENT = ['--stall-after', '4s'];

test('the sender names a sleeping receiver, which reports no stall when it wakes', () =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    addBigFile(sandbox);
    const socket = socketOf(sandbox);
    const receive = [out, '--delete', ...SAYS];
    const both = await startOverSocket({ socket }, [context, ...PATIENT], receive);
    await receives(sandbox);
    both.receiver.child.kill('SIGSTOP');
    const asleepSince = performance.now();
    await until('the sender says the stall', () => both.sender.said().includes('stalled'));
    expect(both.sender.said()).toMatch(
      /^ctxsync send: stalled [45]s: receiver, or the link to it, has been silent for [45]s$/m,
    );
    await until('it slept long enough', () => performance.now() - asleepSince > NOTICED_SLEEP_MS);

    both.receiver.child.kill('SIGCONT');
    const outcome = await bothEnds(both);
    expectDone(outcome);
    expect(outcome.send.stderr).toMatch(/^ctxsync send: resumed after [1-9]\d*s$/m);
    expect(outcome.receive.stderr).not.toMatch(/stalled|resumed/);
    expect(treeState(out)).toEqual(treeState(context));
  }));

test('the receiver names a sleeping sender, which reports no stall when it wakes', () =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    addBigFile(sandbox);
    const socket = socketOf(sandbox);
    const both = await startOverSocket({ socket }, [context, ...SAYS], [out, ...PATIENT]);
    await receives(sandbox);
    both.sender.child.kill('SIGSTOP');
    await until('the receiver says the stall', () => both.receiver.said().includes('stalled'));
    expect(both.receiver.said()).toMatch(
      /^ctxsync receive: stalled [45]s: sender, or the link to it, has been silent for [45]s$/m,
    );

    both.sender.child.kill('SIGCONT');
    const { send, receive } = await bothEnds(both);
    expectDone({ send, receive });
    expect(receive.stderr).toMatch(/^ctxsync receive: resumed after [1-9]\d*s$/m);
    expect(send.stderr).not.toMatch(/stalled|resumed/);
  }));

test('the sender gives up on a receiver that sleeps for longer than --stall-timeout', () =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    addBigFile(sandbox);
    const socket = socketOf(sandbox);
    const limit = ['--stall-timeout', '2s'];
    const { sender, receiver } = await startOverSocket({ socket }, [context, ...limit], [out]);
    await receives(sandbox);
    receiver.child.kill('SIGSTOP');
    expectFailure(await sender.done, 8, 'gave up after 2s without progress');
    receiver.child.kill('SIGCONT');
    // 9 when the socket still had room for the sender's last message.
    expectExit(await receiver.done, 7, 9);
    expect(treeState(out)).toEqual(sandbox.before);
  }));

test('a sender that sleeps for longer than --stall-timeout learns the reason when it wakes', () =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    addBigFile(sandbox);
    const socket = socketOf(sandbox);
    const limits = ['--stall-after', '1s', '--stall-timeout', '2s'];
    const { sender, receiver } = await startOverSocket({ socket }, [context], [out, ...limits]);
    await receives(sandbox);
    sender.child.kill('SIGSTOP');
    const { code, stderr } = await receiver.done;
    expectFailure({ code, stderr }, 8, 'stalled 1s', 'gave up after 2s without progress');
    expect(stderr).not.toContain('resumed');
    sender.child.kill('SIGCONT');
    expectFailure(await sender.done, 9, 'the receiver failed: gave up after 2s without progress');
    expect(treeState(out)).toEqual(sandbox.before);
  }));

test('a command that sleeps is named and does not outlive its sender', () =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    addBigFile(sandbox);
    const limits = [...PATIENT, '--stall-timeout', '5s'];
    const sender = startInTest(['send', context, ...limits, ...receiveCommand(out)]);
    await receives(sandbox);
    const [receiver] = processesWith(out, sender);
    process.kill(receiver!, 'SIGSTOP');
    expectFailure(
      await sender.done,
      8,
      'receiver, or the link to it, has been silent',
      'gave up after 5s',
    );
    await until('no child is left', () => processesWith(out, sender).length === 0);
  }));

test('the sender gives up after four timeouts on a receiver that only reports its own work', () =>
  withScene(async (sandbox) => {
    const socket = socketOf(sandbox);
    await fakeReceiver(socket, { hello: { credit: 0 }, onHello: beatForEver, onFin: () => {} });
    const limit = ['--full', '--stall-timeout', '1s'];
    const sender = startInTest(['send', sandbox.context, '--socket', socket, ...limit]);
    const { code, stderr } = await sender.done;
    expectFailure(
      { code, stderr },
      8,
      /gave up after [45]s in which the other side only reported its own work: receiver is alive: writing/,
    );
  }));

/** Beats ten times a second, with counters that rise. */
function beatForEver({ mux, flush }: Peer): void {
  let entries = 0;
  const timer = setInterval(() => {
    entries += 1;
    mux.beat({ ...BEAT, state: 'writing', stateAgeMs: 0, entries });
    flush();
  }, 100);
  onTestFinished(() => clearInterval(timer));
}
