import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startInTest } from '../helpers/cli/cli.ts';
import { bothEnds, overSocket, receiveCommand, socketOf } from '../helpers/cli/duplex.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { rounds } from '../helpers/proofs.ts';
import {
  expectExit,
  isStageName,
  workNames,
  writeTree,
  type Ended,
} from '../helpers/trees/sandbox.ts';
import { seeded } from '../helpers/seeded.ts';
import { relay } from '../helpers/cli/socket-relay.ts';
import { treeState, type TreeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// SIGKILL of a receiver on a socket or in a command: what its sender reports is what became of OUT.

/** Per transport. */
const KILLS = rounds(24, 8);
const FILES = 200;
const STEP_BYTES = 16 * 1024;
/** Fewer than a transfer has: a full one, and one that sends what an earlier killed one lacks. */
const STEPS = { full: 40, changes: 12 };
/** Kills in parallel: most of a kill is waiting. */
const LANES = 3;
/** Kills after the last byte was handed to the receiver: while it verifies, commits and answers. */
const LATE_KILLS = Math.ceil(KILLS / 3);
/** Milliseconds from the stage to the end of a transfer, roughly; longer on a busy machine. */
const TRANSFER_MS = 450;
const PATIENCE_MS = 60_000 + KILLS * 4_000;

interface Killing {
  directory: string;
  context: string;
  out: string;
  old: TreeState;
  new: TreeState;
}

/** OUT lacks the one directory that is sent, so that the commit is one rename. */
function withKilling(use: (killing: Killing) => Promise<void>): Promise<void> {
  return withDirectory(async (directory) => {
    const context = join(directory, 'context');
    const out = join(directory, 'out');
    const names = Array.from({ length: FILES }, (_, i) => `app/d${i % 10}/file-${i}.txt`);
    writeTree(context, Object.fromEntries(names.map((n, i) => [n, n.repeat(150 + i)])));
    writeTree(out, { 'kept.txt': 'kept' });
    const old = contentOf(out);
    await use({ directory, context, out, old, new: { ...old, ...contentOf(context) } });
  });
}

/** What is in OUT, without what a killed receiver left and without the time of OUT itself. */
function contentOf(out: string): TreeState {
  const entries = Object.entries(treeState(out, { root: false }));
  return Object.fromEntries(entries.filter(([path]) => !path.startsWith('.ctxsync-')));
}

/**
 * When the receiver is killed: before a step, or some time after its sender handed FIN over; where
 * the steps cannot be observed, some time after it made its stage.
 */
type Moment = { step: number; full: boolean } | { afterFinMs: number } | { afterStageMs: number };

/** Uses a relay, which counts the steps. */
async function killOnSocket({ directory, context, out }: Killing, moment: Moment): Promise<Ended> {
  const to = socketOf({ directory });
  const path = `${to}-relay`;
  rmSync(to, { force: true });
  const left = new Set(['.ctxsync-lock', ...workNames(out)]);
  const works = (): boolean => workNames(out).some((name) => !left.has(name));
  const receiver = startInTest(['receive', out, '--socket', to]);
  const kill = (): boolean => receiver.child.kill('SIGKILL');
  await relay({
    path,
    to,
    stepBytes: STEP_BYTES,
    onStep: async (step) => {
      // Otherwise it could be killed before it has begun, which it does with the first bytes.
      if (step === 1) await until('the receiver has its stage', works);
      if ('step' in moment && step === moment.step) kill();
    },
    onFin: () => void ('afterFinMs' in moment && setTimeout(kill, moment.afterFinMs)),
  });
  const full = 'step' in moment && moment.full ? ['--full'] : [];
  const sender = startInTest(['send', context, ...full, '--socket', path]);
  const { send } = await bothEnds({ sender, receiver });
  return send;
}

/** The lock names the process of the command's receiver. */
async function killCommand({ context, out }: Killing, moment: Moment): Promise<Ended> {
  const left = new Set(workNames(out));
  const lock = join(out, '.ctxsync-lock');
  const sender = startInTest(['send', context, ...receiveCommand(out)]);
  await until('the receiver has its stage', () =>
    workNames(out).some((name) => isStageName(name) && !left.has(name)),
  );
  const { pid } = JSON.parse(readFileSync(lock, 'utf8')) as { pid: number };
  const afterMs = 'afterStageMs' in moment ? moment.afterStageMs : 0;
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile: the kill came too late.
  }
  return sender.done;
}

test(
  `a sender whose receiver is killed at any of ${KILLS} moments exits with 0 only if OUT is new`,
  { timeout: PATIENCE_MS },
  async () => {
    const random = seeded(3);
    const late = Array.from({ length: LATE_KILLS }, (_, i) => ({ afterFinMs: 3 * (i % 10) }));
    const inTheMiddle = Array.from({ length: KILLS - LATE_KILLS }, (_, i) => {
      const full = i % 2 === 0;
      return { step: 1 + random(full ? STEPS.full : STEPS.changes), full };
    });
    const counts = await killInLanes(killOnSocket, [...late, ...inTheMiddle]);
    // Late kills may also give "10, new" and "0, new", but need not.
    expect(counts).toMatchObject({ '7, old': expect.any(Number), '10, old': expect.any(Number) });
  },
);

test(
  `a sender whose command is killed at any of ${KILLS} moments exits with 0 only if OUT is new`,
  { timeout: PATIENCE_MS },
  async () => {
    const random = seeded(4);
    const moments = Array.from({ length: KILLS }, () => ({ afterStageMs: random(TRANSFER_MS) }));
    const counts = await killInLanes(killCommand, moments);
    expect(counts).toMatchObject({ '7, old': expect.any(Number) });
  },
);

type Kill = (killing: Killing, moment: Moment) => Promise<Ended>;

/** @returns how often each pair of a sender's status and a state of OUT occurred */
async function killInLanes(kill: Kill, moments: Moment[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const lane = (killing: Killing): Promise<void> => killAll(kill, killing, moments, counts);
  await Promise.all(Array.from({ length: LANES }, () => withKilling(lane)));
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(KILLS);
  return counts;
}

function possibleCodes(moment: Moment): number[] {
  if ('afterStageMs' in moment) return [0, 7, 10];
  return 'step' in moment ? [7, 10] : [0, 10];
}

/** Takes moments until none is left; then a transfer that is not killed completes what they left. */
async function killAll(
  kill: Kill,
  killing: Killing,
  left: Moment[],
  counts: Record<string, number>,
): Promise<void> {
  const { directory, context, out } = killing;
  for (let moment = left.shift(); moment !== undefined; moment = left.shift()) {
    const killed = await kill(killing, moment);
    const { code } = killed;
    const became = contentOf(out);
    expect([killing.old, killing.new]).toContainEqual(became);
    // 10 in the middle: the rest fitted into the buffers in between.
    expectExit(killed, ...possibleCodes(moment));
    const is = 'app/d0' in became ? 'new' : 'old';
    if (code === 0) expect(is).toBe('new');
    if (code === 7 || 'step' in moment) expect(is).toBe('old');
    counts[`${code}, ${is}`] = (counts[`${code}, ${is}`] ?? 0) + 1;
    rmSync(join(out, 'app'), { recursive: true, force: true });
  }
  rmSync(socketOf({ directory }), { force: true });
  expectDone(await overSocket({ directory }, [context], [out]));
  expect(contentOf(out)).toEqual(killing.new);
  expect(workNames(out)).toEqual([]);
}
