import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { receive, send, toStream, fromStream, TransferTrace } from 'ctxsync';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { RING_BYTES } from '../../src/limits.ts';
import { readTrace, slicesOf, type ReadTrace } from '../helpers/check-trace.ts';
import { pipeline, run } from '../helpers/cli/cli.ts';
import { overSocket } from '../helpers/cli/duplex.ts';
import { eventsOf, startHeld } from '../helpers/cli/pausable-pipe.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  withScene,
  workNames,
  type Sandbox,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// --trace: a file for Perfetto, valid however a run ends.

/** More than the rings and pipes between the two sides hold. */
const BIG_BYTES = 6 * RING_BYTES;
const MIDDLE = { after: 1_000_000 };

/** The options for a trace of each side, and what they wrote. */
function traces({ directory }: Sandbox) {
  const [sent, received] = [join(directory, 'sent.json'), join(directory, 'received.json')];
  const read = (path: string): ReadTrace => readTrace(readFileSync(path, 'utf8'));
  return {
    send: ['--trace', sent],
    receive: ['--trace', received],
    sent: () => read(sent),
    received: () => read(received),
  };
}

/** Of bytes that do not compress: they have to fill the pipe. */
function addBigFile({ context }: Sandbox): void {
  writeFileSync(join(context, 'big.bin'), randomBytes(BIG_BYTES));
}

test('a transfer over a pipe is traced from its start to its end on both sides', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const { context, out } = sandbox;
    const trace = traces(sandbox);
    expectDone(await pipeline([...trace.send, context], [...trace.receive, out]));
    const [sent, received] = [trace.sent(), trace.received()];
    expect(slicesOf(sent, 'phase')).toEqual(['starting', 'preparing', 'sending']);
    expect(slicesOf(received, 'phase')).toEqual([
      'starting',
      'preparing',
      'receiving',
      'committing',
    ]);
    expect([sent.instants, received.instants]).toEqual([['done'], ['done']]);
    // Both have the clock of the machine.
    expect(sent.slices[0]!.ts / 1e6).toBeCloseTo(received.slices[0]!.ts / 1e6, -1);
  }));

test('a transfer over a socket shows the receiver in the trace of its sender', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const { context, out } = sandbox;
    const trace = traces(sandbox);
    expectDone(await overSocket(sandbox, [...trace.send, context], [...trace.receive, out]));
    expect(slicesOf(trace.sent(), 'phase')).toEqual([
      'starting',
      'preparing',
      'comparing',
      ...(slicesOf(trace.sent(), 'phase').includes('sending') ? ['sending'] : []),
    ]);
    expect(trace.sent().counters.has('credit, bytes: credit')).toBe(true);
    expect(trace.received().instants).toEqual(['done']);
  }));

test('a trace shows which side held a transfer up, with rings, threads and the verdict', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const { context, out } = sandbox;
    const trace = traces(sandbox);
    const { sender, receiver, pipe } = startHeld(
      [context, '--stall-after', '1s', '--progress', 'json', ...trace.send],
      [out, ...trace.receive],
      MIDDLE,
    );
    await until('the sender reports the stall', () =>
      eventsOf(sender).some(({ type }) => type === 'stall'),
    );
    pipe.release();
    expectDone({ send: await sender.done, receive: await receiver.done });
    const sent = trace.sent();
    expect(sent.instants[0]).toMatch(/^stalled \ds: receiver.* is slow or does not read/);
    expect(slicesOf(sent, 'main thread')).toContain('writing to the transport');
    expect(slicesOf(sent, 'disk thread 1')).toContain('waiting for room to send');
    expect(Math.max(...sent.counters.get('ring fill, %: tree')!)).toBeGreaterThan(50);
    const received = trace.received();
    expect(slicesOf(received, 'disk thread 1')).toContain('waiting for data');
    expect(slicesOf(received, 'main thread')).toContain('waiting for the peer');
  }));

test('a run that is interrupted leaves a whole trace', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const { context, out } = sandbox;
    const trace = traces(sandbox);
    const held = startHeld([context], [...trace.receive, out], MIDDLE);
    await until('the receiver has its stage', () => workNames(out).length === 2);
    held.receiver.child.kill('SIGTERM');
    expectExit(await held.receiver.done, 143);
    await held.sender.done;
    const received = trace.received();
    expect(received.instants).toEqual([expect.stringMatching(/^failed: interrupted/)]);
    expect(slicesOf(received, 'phase').at(-1)).toBe('receiving');
    expectUntouched(sandbox);
  }));

test('a run that gives up leaves a whole trace, with the reason', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const { context, out } = sandbox;
    const trace = traces(sandbox);
    const { sender, pipe } = startHeld(
      [...trace.send, '--stall-timeout', '1s', context],
      [out],
      MIDDLE,
    );
    await until('the sender has ended', () => sender.child.exitCode !== null);
    pipe.release();
    expectExit(await sender.done, 8);
    expect(trace.sent().instants).toEqual([
      expect.stringMatching(/^failed: gave up after 1s without progress: receiver.* is slow/),
    ]);
  }));

test('a run that never begins leaves a trace that says why', () =>
  withScene(async (sandbox) => {
    const trace = traces(sandbox);
    const { code, stderr } = await run(['send', ...trace.send, join(sandbox.directory, 'missing')]);
    expectFailure({ code, stderr }, 3, 'missing');
    expect(trace.sent().instants).toEqual([expect.stringMatching(/^failed: .*missing/)]);
  }));

test('a tar is traced on both sides, with the rings at its edges', () =>
  withScene(async (sandbox) => {
    const { context } = sandbox;
    const trace = traces(sandbox);
    const { code, stderr } = await run(['receive', ...trace.receive, '-'], {
      input: (await run(['send', context])).stdout,
    });
    expectExit({ code, stderr }, 0);
    const tar = (await run(['receive', '-'], { input: (await run(['send', context])).stdout }))
      .stdout;
    expectExit(await run(['send', ...trace.send, '-'], { input: tar }), 0);
    expect(trace.received().instants).toEqual(['done']);
    expect(trace.sent().instants).toEqual(['done']);
  }));

test('a trace inside the context, or inside OUT, disturbs neither', () =>
  withScene(async (sandbox) => {
    addBigFile(sandbox);
    const { context, out } = sandbox;
    expectDone(
      await pipeline(
        ['--trace', join(context, 'trace.json'), context],
        ['--trace', join(out, 'received.json'), out],
      ),
    );
    expect(readFileSync(join(out, 'trace.json'), 'utf8')).toBe('');
    readTrace(readFileSync(join(context, 'trace.json'), 'utf8'));
    readTrace(readFileSync(join(out, 'received.json'), 'utf8'));
  }));

test('0: a --trace that cannot be written does not fail a finished transfer', () =>
  withScene(async ({ context, out }) => {
    const { send: sent, receive: received } = await pipeline(
      [context, '--trace', '/dev/full'],
      [out],
    );
    expectExit(received, 0);
    expectExit(sent, 0);
    expect(sent.stderr).toMatch(/warning: --trace \/dev\/full: .*ENOSPC/);
    expect(treeState(out, { root: false })).toMatchObject(treeState(context, { root: false }));
  }));

test('2: a --trace that cannot be opened stops a side before it changes anything, and is reported', () =>
  withScene(async ({ directory, context }) => {
    const trace = join(directory, 'missing', 'trace.json');
    const report = join(directory, 'report.json');
    const out = join(directory, 'new');
    const { send: sent, receive: received } = await pipeline(
      ['--report', report, '--trace', trace, context],
      ['--trace', trace, out],
    );
    expectFailure(sent, 2, `--trace ${trace}: no such file or directory (ENOENT)`);
    expectFailure(received, 2, `--trace ${trace}: no such file or directory (ENOENT)`);
    expect(existsSync(out)).toBe(false);
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ exitCode: 2 });
  }));

test('2: --trace is refused for a server, and for the file of --report', () =>
  withScene(async ({ directory, context, out }) => {
    const path = join(directory, 'file.json');
    const serve = ['receive', '--serve', '--socket', join(directory, 's'), '--trace', path, out];
    expectFailure(await run(serve), 2, '--trace is for one transfer');
    expect(existsSync(path)).toBe(false);
    const both = ['send', '--report', path, '--trace', path, context];
    expectFailure(await run(both), 2, '--report and --trace cannot be the same file');
  }));

test('a program gets the same trace from the events and samples of a run', () =>
  withScene(async ({ context, out }) => {
    const pipe = new PassThrough();
    const trace = new TransferTrace('sender');
    await Promise.all([
      send({
        contexts: [{ directory: context }],
        to: toStream(pipe),
        onEvent: trace.onEvent,
        onSample: trace.onSample,
      }),
      receive({ from: fromStream(pipe), to: { directory: out } }),
    ]);
    const read = readTrace(trace.text());
    expect(slicesOf(read, 'phase')).toEqual(['starting', 'preparing', 'sending']);
    expect(read.instants).toEqual(['done']);
  }));
