import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { RING_BYTES, SUSPENSION_MS } from '../../src/limits.ts';
import { recordSend, run } from '../helpers/cli/cli.ts';
import { directoryInTest } from '../helpers/trees/directory-in-test.ts';
import { startHeld } from '../helpers/cli/pausable-pipe.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

const MB = 1_000_000;
/** More than three rings, the sockets and the test itself hold between the two sides. */
const BIG_BYTES = 3 * RING_BYTES + 8 * MB;
const MIDDLE = { after: MB };
const ALL = { after: Infinity };
/** A process notices that it slept when it slept for three times SUSPENSION_MS. */
const NOTICED_SLEEP_MS = 4 * SUSPENSION_MS;
const SAYS = ['--stall-after', '1s'];
/** By then a beat has reported what the peer waits for, however late it started. */
const SAYS_BY_BEATS = ['--stall-after', '3s'];

describe('when a side sleeps', () => {
  test('the sender names a receiver that does not read, which itself reports no stall', async () => {
    const context = directoryInTest(fillContext);
    const out = directoryInTest();
    const { sender, receiver, pipe } = startHeld([context, ...SAYS], [out, ...SAYS], MIDDLE);
    await until('the transfer is in its middle', () => pipe.holds);
    const asleepSince = performance.now();
    receiver.child.kill('SIGSTOP');
    pipe.release();
    await until('the sender says the stall', () => sender.said().includes('stalled'));
    expect(sender.said()).toMatch(
      /^ctxsync send: stalled 1s: receiver, or the link to it, is slow or does not read \(the pipe is full\)$/m,
    );
    await until('it slept long enough', () => performance.now() - asleepSince > NOTICED_SLEEP_MS);

    receiver.child.kill('SIGCONT');
    const [sent, received] = await Promise.all([sender.done, receiver.done]);
    expect([sent.code, received.code]).toEqual([0, 0]);
    expect(sent.stderr).toMatch(/^ctxsync send: resumed after [1-9]\d*s$/m);
    expect(received.stderr).not.toMatch(/stalled|resumed/);
    expect(treeState(out)).toEqual(treeState(context));
  });

  test('the receiver names a sender that is silent, which itself reports no stall', async () => {
    const context = directoryInTest(fillContext);
    const out = directoryInTest();
    // The last beat has to be too old to prove anything.
    const patience = ['--stall-after', '4s'];
    const { sender, receiver, pipe } = startHeld([context, ...SAYS], [out, ...patience], MIDDLE);
    await until('the transfer is in its middle', () => pipe.holds);
    const asleepSince = performance.now();
    sender.child.kill('SIGSTOP');
    pipe.release();
    await until('the receiver says the stall', () => receiver.said().includes('stalled'));
    expect(receiver.said()).toMatch(
      /^ctxsync receive: stalled 4s: sender, or the link to it, has been silent for [45]s$/m,
    );
    await until('it slept long enough', () => performance.now() - asleepSince > NOTICED_SLEEP_MS);

    sender.child.kill('SIGCONT');
    const [sent, received] = await Promise.all([sender.done, receiver.done]);
    expect([sent.code, received.code]).toEqual([0, 0]);
    expect(received.stderr).toMatch(/^ctxsync receive: resumed after [1-9]\d*s$/m);
    expect(sent.stderr).not.toMatch(/stalled|resumed/);
    expect(treeState(out)).toEqual(treeState(context));
  });

  test('neither side reports a stall if both slept', async () => {
    const context = directoryInTest(fillContext);
    const out = directoryInTest();
    const { sender, receiver, pipe } = startHeld([context, ...SAYS], [out, ...SAYS], MIDDLE);
    await until('the transfer is in its middle', () => pipe.holds);
    const asleepSince = performance.now();
    for (const { child } of [sender, receiver]) child.kill('SIGSTOP');
    pipe.release();
    await until('they slept long enough', () => performance.now() - asleepSince > NOTICED_SLEEP_MS);
    for (const { child } of [sender, receiver]) child.kill('SIGCONT');
    const [sent, received] = await Promise.all([sender.done, receiver.done]);
    expect([sent.code, received.code]).toEqual([0, 0]);
    expect(sent.stderr + received.stderr).not.toMatch(/stalled|resumed/);
  });
});

describe('with a tar on stdin or stdout', () => {
  test('the sender reports a wait for a silent stdin, and the receiver that its sender waits', async () => {
    const out = directoryInTest();
    const tar = await recordTar();
    const { sender, receiver } = startHeld(['-', ...SAYS], [out, ...SAYS_BY_BEATS], ALL);
    sender.child.stdin?.write(tar.subarray(0, 700));
    await until('both say the stall', () =>
      [sender, receiver].every(({ said }) => said().includes('stalled')),
    );
    expect(sender.said()).toMatch(
      /^ctxsync send: stalled 1s: sender is waiting for the tar \(silent for \ds\)$/m,
    );
    expect(receiver.said()).toMatch(
      /^ctxsync receive: stalled 3s: sender is alive: waiting for data for \ds$/m,
    );
    sender.child.stdin?.end(tar.subarray(700));
    expect(await sender.done).toMatchObject({ code: 0 });
    expect(await receiver.done).toMatchObject({ code: 0 });
    expect(sender.said()).toContain('resumed after');
    expect(receiver.said()).toContain('resumed after');
  });

  test('the receiver reports that its stdout is not read', async () => {
    const context = directoryInTest(fillContext);
    const { sender, receiver } = startHeld([context, ...SAYS], ['-', ...SAYS], ALL);
    receiver.child.stdout?.pause();
    // A busy machine may delay them earlier, and a stall is not reported twice within half a minute.
    const received =
      /^ctxsync receive: stalled \d+s: receiver is writing the tar \(its reader is slow or does not read\)$/m;
    const sent =
      /^ctxsync send: stalled \d+s: receiver, or the link to it, is slow or does not read/m;
    await until(
      'both say the stall',
      () => received.test(receiver.said()) && sent.test(sender.said()),
    );
    receiver.child.stdout?.resume();
    expect(await sender.done).toMatchObject({ code: 0 });
    expect(await receiver.done).toMatchObject({ code: 0 });
  });
});

describe('the two timers', () => {
  test('a receiver gives up on a sender that only sends beats, which are no progress', async () => {
    const out = directoryInTest();
    const patience = [...SAYS_BY_BEATS, '--stall-timeout', '5s'];
    const { sender, receiver } = startHeld(['-'], [out, ...patience], ALL);
    const { code, stderr } = await receiver.done;
    expect(code).toBe(8);
    expect(stderr).toMatch(/stalled 3s: sender is alive: waiting for data for \ds/);
    expect(stderr).toMatch(/error: gave up after 5s without progress: sender is alive/);
    // Its next beat finds no receiver.
    expect(await sender.done).toMatchObject({ code: 7 });
  });

  test('a slow source is not reported as a stall', async () => {
    const patience = ['--stall-after', '5s'];
    const { sender, receiver } = startHeld(
      ['-', ...patience],
      [directoryInTest(), ...patience],
      ALL,
    );
    const tar = await recordTar();
    await drip(tar, sender.child.stdin!);
    const [sent, received] = await Promise.all([sender.done, receiver.done]);
    expect([sent.code, received.code]).toEqual([0, 0]);
    expect(sent.stderr + received.stderr).not.toMatch(/stalled|resumed/);
  });

  test('--stall-after 0 reports no stall, whatever happens', async () => {
    const silent = ['--stall-after', '0', '--stall-timeout', '3s'];
    const { sender, receiver } = startHeld(['-', ...silent], [directoryInTest(), ...silent], ALL);
    const [sent, received] = await Promise.all([sender.done, receiver.done]);
    expect(sent.code).toBe(8);
    expect([8, 9]).toContain(received.code);
    expect(sent.stderr + received.stderr).not.toMatch(/stalled/);
  });
});

function fillContext(context: string): void {
  // Random, so that nothing in between could compress it.
  writeFileSync(join(context, 'big.bin'), randomBytes(BIG_BYTES));
}

/** A tar of 20 small files: all of it fits into every buffer in between. */
async function recordTar(): Promise<Buffer> {
  const context = directoryInTest();
  for (let i = 0; i < 20; i++) writeFileSync(join(context, `file-${i}`), `content ${i}`);
  const input = await recordSend([context]);
  return (await run(['receive', '-'], { input })).stdout;
}

/** A source that takes about nine seconds and never pauses for long. */
async function drip(bytes: Buffer, to: Writable): Promise<void> {
  const pieces = 45;
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length; at += size) {
    to.write(bytes.subarray(at, at + size));
    await setTimeout(200);
  }
  to.end();
}
