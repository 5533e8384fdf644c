import { expect, test } from 'vitest';
import { run, start, startInTest, type Started } from '../helpers/cli/cli.ts';
import { receiveCommand, socketOf, startReceiver } from '../helpers/cli/duplex.ts';
import { expectExit, expectFailure, withScene, workNames } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

/** A receiver that holds OUT until its stdin ends. */
async function holdOut(out: string): Promise<Started> {
  const holder = startInTest(['receive', out]);
  await until('the holder has its stage', () => workNames(out).length === 2);
  return holder;
}

function waitingFor({ child }: Started, out: string): string {
  return `waiting: ${out} is locked by pid ${child.pid} on `;
}

test('a receiver with --wait takes its turn, and both sides say once for whom it waits', () =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    const holder = await holdOut(out);
    const socket = socketOf(sandbox);
    const receiver = await startReceiver(socket, ['--wait', '--delete', out]);
    const sender = startInTest(['send', context, '--socket', socket]);
    const words = waitingFor(holder, out);
    await until('both say so', () =>
      [sender, receiver].every((each) => each.said().includes(words)),
    );
    expect(treeState(out)).not.toEqual(treeState(context));
    holder.child.stdin?.end();
    for (const { done } of [sender, receiver]) {
      const outcome = await done;
      expectExit(outcome, 0);
      expect(outcome.stderr.split(words)).toHaveLength(2);
      expect(outcome.stderr).toMatch(/; gives up after 10m 0s$/m);
    }
    expect(treeState(out)).toEqual(treeState(context));
  }));

test('a receiver that a sender starts leaves that line to the sender', () =>
  withScene(async ({ context, out }) => {
    const holder = await holdOut(out);
    const command = receiveCommand(out, '--wait', '1h');
    const sender = startInTest(['send', context, '--progress', 'json', ...command]);
    const queued = /"phase":"queued","elapsedMs":[\d.]+,"queue":"([^"]*)"/g;
    await until('it says so', () => sender.said().search(queued) >= 0);
    holder.child.stdin?.end();
    const outcome = await sender.done;
    expectExit(outcome, 0);
    const said = Array.from(outcome.stderr.matchAll(queued), ([, words]) => words);
    expect(said).toEqual([
      expect.stringContaining(`${out} is locked by pid ${holder.child.pid} on `),
    ]);
    expect(outcome.stderr).not.toContain('command-output');
  }));

test('a receiver that has waited long enough is refused, with the holder, and prints only that with -q', () =>
  withScene(async ({ context, out }) => {
    const holder = await holdOut(out);
    const quiet = await run([
      'send',
      context,
      '-q',
      ...receiveCommand(out, '-q', '--wait', '300ms'),
    ]);
    expectFailure(quiet, 9, `${out} is locked by another receiver (pid ${holder.child.pid} on `);
    expect(quiet.stderr.split('\n')).toHaveLength(2);
    holder.child.stdin?.end();
    await holder.done;
  }));

test('Ctrl-C ends a receiver that waits, and nobody lost anything', () =>
  withScene(async ({ context, out }) => {
    const before = treeState(out);
    const holder = await holdOut(out);
    const receiver = startInTest(['receive', out, '--wait']);
    const sender = start(['send', context]);
    sender.child.stdout?.removeAllListeners('data').pipe(receiver.child.stdin!);
    await until('it waits', () => receiver.said().includes(waitingFor(holder, out)));
    receiver.child.kill('SIGINT');
    expectFailure(await receiver.done, 130, 'interrupted; nothing was committed');
    holder.child.stdin?.end();
    await Promise.all([holder.done, sender.done]);
    expect(treeState(out)).toEqual(before);
  }));
