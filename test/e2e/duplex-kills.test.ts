import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bothEnds, overSocket, socketOf, startInTest } from '../helpers/duplex.ts';
import { expectDone } from '../helpers/expect-done.ts';
import { withFolder } from '../helpers/folder.ts';
import { expectExit, workNames, writeTree, type Ended } from '../helpers/scene.ts';
import { seeded } from '../helpers/seeded.ts';
import { relay } from '../helpers/socket-relay.ts';
import { treeState, type TreeState } from '../helpers/tree-state.ts';
import { until } from '../helpers/until.ts';

// SIGKILL of a receiver on a socket: what its sender says is what became of OUT.

const KILLS = 30;
const FILES = 200;
const STEP_BYTES = 16 * 1024;
/** Fewer than a transfer has. */
const STEPS = 40;
/** Kills side by side: most of a kill is waiting. */
const LANES = 3;
/** Kills after the last byte was handed to the receiver: while it verifies, commits and answers. */
const LATE_KILLS = 10;
const PATIENCE_MS = 120_000;

interface Killing {
  folder: string;
  context: string;
  out: string;
  old: TreeState;
  new: TreeState;
}

/** OUT lacks the one folder that comes, so that the commit is one rename. */
function withKilling(use: (killing: Killing) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const context = join(folder, 'context');
    const out = join(folder, 'out');
    const names = Array.from({ length: FILES }, (_, i) => `app/d${i % 10}/file-${i}.txt`);
    writeTree(context, Object.fromEntries(names.map((n, i) => [n, n.repeat(150 + i)])));
    writeTree(out, { 'kept.txt': 'kept' });
    const old = contentOf(out);
    await use({ folder, context, out, old, new: { ...old, ...contentOf(context) } });
  });
}

/** What is in OUT, apart from what a killed receiver left; not the time of OUT itself. */
function contentOf(out: string): TreeState {
  const entries = Object.entries(treeState(out, { root: false }));
  return Object.fromEntries(entries.filter(([path]) => !path.startsWith('.ctxsync-')));
}

/** When the receiver is killed: before a step, or so long after its sender handed FIN over. */
type Moment = { step: number } | { afterFinMs: number };

async function transferWithKill(
  { folder, context, out }: Killing,
  moment: Moment,
): Promise<Ended & { became: TreeState }> {
  const to = socketOf({ folder });
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
      // Else one would be killed that has not begun: it begins with the first bytes.
      if (step === 1) await until('the receiver has its stage', works);
      if ('step' in moment && step === moment.step) kill();
    },
    onFin: () => void ('afterFinMs' in moment && setTimeout(kill, moment.afterFinMs)),
  });
  const sender = startInTest(['send', context, '--socket', path]);
  const { send } = await bothEnds({ sender, receiver });
  return { ...send, became: contentOf(out) };
}

test(
  `a receiver is killed at any of ${KILLS} moments: its sender exits with 0 only if OUT is new`,
  { timeout: PATIENCE_MS },
  async () => {
    const random = seeded(3);
    const late = Array.from({ length: LATE_KILLS }, (_, i) => ({ afterFinMs: 3 * i }));
    const inTheMiddle = Array.from({ length: KILLS - LATE_KILLS }, () => ({
      step: 1 + random(STEPS),
    }));
    const left: Moment[] = [...late, ...inTheMiddle];
    const counts: Record<string, number> = {};
    const lane = (killing: Killing): Promise<void> => killAll(killing, left, counts);
    await Promise.all(Array.from({ length: LANES }, () => withKilling(lane)));

    // What else there may be is no number of its own: "10, new", and "0, new" of a late kill.
    expect(counts).toMatchObject({ '7, old': expect.any(Number), '10, old': expect.any(Number) });
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(KILLS);
  },
);

/** Takes moments until none is left; then a transfer that nobody kills heals what is left of them. */
async function killAll(
  killing: Killing,
  left: Moment[],
  counts: Record<string, number>,
): Promise<void> {
  const { folder, context, out } = killing;
  for (let moment = left.shift(); moment !== undefined; moment = left.shift()) {
    const killed = await transferWithKill(killing, moment);
    const { code, became } = killed;
    expect([killing.old, killing.new]).toContainEqual(became);
    // 10 in the middle: what was left fitted into the buffers on the way.
    expectExit(killed, ...('step' in moment ? [7, 10] : [0, 10]));
    const is = 'app/d0' in became ? 'new' : 'old';
    if (code === 0) expect(is).toBe('new');
    if (code === 7 || 'step' in moment) expect(is).toBe('old');
    counts[`${code}, ${is}`] = (counts[`${code}, ${is}`] ?? 0) + 1;
    rmSync(join(out, 'app'), { recursive: true, force: true });
  }
  rmSync(socketOf({ folder }), { force: true });
  expectDone(await overSocket({ folder }, [context], [out]));
  expect(contentOf(out)).toEqual(killing.new);
  expect(workNames(out)).toEqual([]);
}
