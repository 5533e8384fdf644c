import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { toMicroseconds } from '../../src/disk/mtime.ts';
import { RING_BYTES } from '../../src/limits.ts';
import type { TransferEvent } from '../../src/observe/events.ts';
import { recordSend, run, type Outcome, type Started } from '../helpers/cli/cli.ts';
import { directoryInTest } from '../helpers/trees/directory-in-test.ts';
import {
  hangingMount,
  mountOver,
  whyNoMounts,
  type HangingMount,
} from '../helpers/disk/hanging-mount.ts';
import { isStageName } from '../helpers/trees/sandbox.ts';
import { eventsOf, startHeld } from '../helpers/cli/pausable-pipe.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

const MB = 1_000_000;
/** When the first MB has passed, neither the kernel's read-ahead nor our ring has reached its end. */
const BIG_BYTES = RING_BYTES + 8 * MB;
const MIDDLE = { after: MB };
/** The last frame, FIN, is longer: it arrives incomplete, and everything before it arrives. */
const ALL_BUT_FIN = { beforeLast: 20 };
/** From the line at one second of stall to the end: one more second, two to give up, two to spare. */
const GIVES_UP_WITHIN_MS = 5_000;
/** Seconds. */
const FOLDER_TIME = 1_500_000_000;
const SAYS = ['--stall-after', '1s'];
const SAYS_AND_GIVES_UP = [...SAYS, '--stall-timeout', '2s'];
const AS_JSON = [...SAYS, '--progress', 'json'];

const why = whyNoMounts();
// Prints the reason, because the report only counts skipped tests.
if (why !== undefined) process.stderr.write(`disk-hangs.test.ts is skipped: ${why}\n`);

describe.skipIf(why !== undefined)('when the disk of the source hangs', () => {
  test('the sender names itself and the path, shows that it is alive, and resumes', async () => {
    const mount = await hangingMount(fillContext);
    const out = directoryInTest();
    const { sender, receiver, pipe } = startHeld([mount.path, ...AS_JSON], [out], MIDDLE);
    await until('the transfer is in its middle', () => pipe.holds);
    await mount.hang(sender.child);
    pipe.release();
    await until('the sender says the stall', () => stallsOf(sender).length > 0);
    expect(stallsOf(sender)[0]).toMatchObject({
      side: 'sender',
      verdict: {
        side: 'sender',
        cause: 'disk-not-answering',
        path: 'big.bin',
        text: 'sender is reading big.bin (disk not answering)',
      },
    });
    const before = eventsOf(sender).length;
    await until('progress is told meanwhile', () => eventsOf(sender).length >= before + 10);

    mount.goOn();
    expect(await sender.done).toMatchObject({ code: 0 });
    expect(await receiver.done).toMatchObject({ code: 0 });
    expect(eventsOf(sender).filter(({ type }) => type === 'resumed')).toHaveLength(1);
    expect(treeState(out)).toEqual(treeState(mount.behind));
  });

  test('the text output shows how long the sender stalled and that it resumed', async () => {
    const mount = await hangingMount(fillContext);
    const { sender, pipe } = startHeld([mount.path, ...SAYS], [directoryInTest()], MIDDLE);
    await until('the transfer is in its middle', () => pipe.holds);
    await mount.hang(sender.child);
    pipe.release();
    await until('the sender says the stall', () => sender.said().includes('stalled'));
    mount.goOn();
    const { code, stderr } = await sender.done;
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^ctxsync send: stalled 1s: sender is reading big\.bin \(disk not answering\)$/m,
    );
    expect(stderr).toMatch(/^ctxsync send: resumed after [1-9]\d*s$/m);
  });

  test('a sender with --stall-timeout ends although its thread is stuck', async () => {
    const mount = await hangingMount(fillContext);
    const out = directoryInTest();
    const { sender, receiver, pipe } = startHeld([mount.path, ...SAYS_AND_GIVES_UP], [out], MIDDLE);
    await until('the transfer is in its middle', () => pipe.holds);
    await mount.hang(sender.child);
    pipe.release();
    await until('the sender says the stall', () => sender.said().includes('stalled'));
    const ended = await endsWithin(GIVES_UP_WITHIN_MS, sender.done);
    expectGivenUp(ended, 'sender is reading big.bin (disk not answering)');
    const { code, stderr } = await receiver.done;
    expect(code).toBe(9);
    expect(stderr).toContain('the sender failed: gave up after 2s without progress');
    expect(readdirSync(out)).toEqual([]);
  });
});

describe.skipIf(why !== undefined)('when the disk of the destination hangs', () => {
  test('the receiver names itself and the path, shows that it is alive, and resumes', async () => {
    const mount = await hangingMount();
    const context = directoryInTest(fillContext);
    const { sender, receiver, pipe } = startHeld([context], [mount.path, ...AS_JSON], MIDDLE);
    await until('it writes', () => pipe.holds && stagedBytes(mount.behind) > 0);
    await mount.hang(receiver.child);
    pipe.release();
    // It may first have waited for the sender, which was held while the disk was made to hang.
    const hang = (): number => eventsOf(receiver).findIndex(isHang);
    await until('the receiver says the stall', () => hang() >= 0);
    expect(eventsOf(receiver)[hang()]).toMatchObject({
      side: 'receiver',
      verdict: {
        side: 'receiver',
        cause: 'disk-not-answering',
        path: 'big.bin',
        text: 'receiver is writing big.bin (disk not answering)',
      },
    });
    const before = eventsOf(receiver).length;
    await until('progress is told meanwhile', () => eventsOf(receiver).length >= before + 10);

    mount.goOn();
    expect(await sender.done).toMatchObject({ code: 0 });
    expect(await receiver.done).toMatchObject({ code: 0 });
    const after = eventsOf(receiver).slice(hang());
    expect(after.filter(({ type }) => type === 'resumed')).toHaveLength(1);
    expect(treeState(mount.path)).toEqual(treeState(context));
  });

  test('a receiver with --stall-timeout ends, and so does the sender', async () => {
    const mount = await hangingMount();
    const context = directoryInTest(fillContext);
    const { sender, receiver, pipe } = startHeld(
      [context],
      [mount.path, ...SAYS_AND_GIVES_UP],
      MIDDLE,
    );
    await until('it writes', () => pipe.holds && stagedBytes(mount.behind) > 0);
    await mount.hang(receiver.child);
    pipe.release();
    await until('the receiver says the stall', () => receiver.said().includes('stalled'));
    const ended = await endsWithin(GIVES_UP_WITHIN_MS, receiver.done);
    expectGivenUp(ended, 'receiver is writing big.bin (disk not answering)');
    expect(ended.stderr).toContain('the disk does not allow cleaning up');
    const { code, stderr } = await sender.done;
    expect(code).toBe(7);
    expect(stderr).toContain('the reader of stdout closed it');

    mount.goOn();
    await expectReceivesAnew(mount.path, context);
  });

  test('the sender ends although not even a kill ends the receiver', async () => {
    const disk = await hangingMount();
    const mount = await mountOver(disk);
    const context = directoryInTest(fillContext);
    const { sender, receiver, pipe } = startHeld(
      [context],
      [mount.path, ...SAYS_AND_GIVES_UP],
      MIDDLE,
    );
    await until('it writes', () => pipe.holds && stagedBytes(disk.behind) > 0);
    await disk.hang(receiver.child);
    pipe.release();
    const { code, stderr } = await sender.done;
    expect(code).toBe(7);
    expect(stderr).toContain('the reader of stdout closed it');
    expect(receiver.child).toMatchObject({ exitCode: null, signalCode: null });

    disk.goOn();
    expectGivenUp(await receiver.done, 'receiver is writing big.bin (disk not answering)');
    await expectReceivesAnew(mount.path, context);
  });

  test('the receiver reports a hang during the commit as such', async () => {
    const { mount, context, receiver, goOn } = await startCommit(AS_JSON);
    await mount.hang(receiver.child);
    goOn();
    await until('the receiver says the stall', () => stallsOf(receiver).length > 0);
    expect(stallsOf(receiver)[0]).toMatchObject({
      verdict: { side: 'receiver', cause: 'disk-not-answering' },
    });
    expect(stallsOf(receiver)[0]?.verdict.text).toMatch(
      /^receiver is committing \S+ \(disk not answering\)$/,
    );
    mount.goOn();
    expect(await receiver.done).toMatchObject({ code: 0 });
    expect(eventsOf(receiver).filter(({ type }) => type === 'resumed')).toHaveLength(1);
    expect(treeState(mount.path)).toEqual(treeState(context));
  });

  test('--stall-timeout also ends a hang during the commit', async () => {
    const options = [...SAYS_AND_GIVES_UP, '--progress', 'json'];
    const { mount, context, receiver, goOn } = await startCommit(options);
    await mount.hang(receiver.child);
    goOn();
    await until('the receiver says the stall', () => stallsOf(receiver).length > 0);
    const ended = await endsWithin(GIVES_UP_WITHIN_MS, receiver.done);
    expectGivenUp(ended, 'receiver is committing');
    expect(ended.stderr).toContain(`${mount.path} may hold a part of the context`);
    mount.goOn();
    await expectReceivesAnew(mount.path, context);
  });
});

/** A transfer of which everything is unpacked and FIN is held back. */
async function startCommit(options: string[]): Promise<{
  mount: HangingMount;
  context: string;
  receiver: Started;
  goOn: () => void;
}> {
  const mount = await hangingMount();
  const context = directoryInTest(fillContext);
  const { receiver, pipe } = startHeld([context], [mount.path, ...options], ALL_BUT_FIN);
  await until(
    'the directories have their times',
    () => pipe.holds && hasDirectoryTimes(mount.behind),
  );
  const before = eventsOf(receiver).length;
  await until('it waits for the rest', () => {
    const event = eventsOf(receiver)
      .slice(before + 1)
      .at(-1);
    return event?.type === 'progress' && event.path === undefined;
  });
  return { mount, context, receiver, goOn: () => pipe.release() };
}

function fillContext(context: string): void {
  writeFileSync(join(context, 'a-small.txt'), 'small');
  writeFileSync(join(context, 'big.bin'), Buffer.alloc(BIG_BYTES, 'big'));
  mkdirSync(join(context, 'z'));
  utimesSync(join(context, 'z'), FOLDER_TIME, FOLDER_TIME);
}

function stagedBytes(out: string): number {
  return statSync(staged(out, 'big.bin'), { throwIfNoEntry: false })?.size ?? 0;
}

/** They are set last, when everything in the directories is in place. */
function hasDirectoryTimes(out: string): boolean {
  const directory = statSync(staged(out, 'z'), { throwIfNoEntry: false, bigint: true });
  return directory !== undefined && toMicroseconds(directory.mtimeNs) === FOLDER_TIME * 1_000_000;
}

function staged(out: string, path: string): string {
  const stage = readdirSync(out).find((name) => isStageName(name));
  return join(out, stage ?? 'none', 'tree', path);
}

function isHang(event: TransferEvent): boolean {
  return event.type === 'stall' && event.verdict.cause === 'disk-not-answering';
}

function stallsOf(started: Started): Extract<TransferEvent, { type: 'stall' }>[] {
  return eventsOf(started).filter((event) => event.type === 'stall');
}

async function endsWithin(ms: number, done: Promise<Outcome>): Promise<Outcome> {
  const since = performance.now();
  const outcome = await done;
  expect(performance.now() - since).toBeLessThan(ms);
  return outcome;
}

/** With stuck threads only a signal can end the process; the message is printed all the same. */
function expectGivenUp({ code, signal, stderr }: Outcome, verdict: string): void {
  expect([8, 'SIGKILL']).toContain(code ?? signal);
  expect(stderr).toContain(`gave up after 2s without progress: ${verdict}`);
}

/** What a killed receiver left does not hinder the next one, which removes it. */
async function expectReceivesAnew(out: string, context: string): Promise<void> {
  const input = await recordSend([context]);
  expect(await run(['receive', out], { input })).toMatchObject({ code: 0 });
  expect(treeState(out)).toEqual(treeState(context));
}
