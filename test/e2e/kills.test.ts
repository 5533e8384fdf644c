import { expect, test } from 'vitest';
import { MAX_PARTIAL_STAGES } from '../../src/limits.ts';
import { pipeline, recordSend, start, type Started } from '../helpers/cli/cli.ts';
import { rounds } from '../helpers/proofs.ts';
import {
  expectExit,
  expectFailure,
  withScene,
  workNames,
  writeTree,
} from '../helpers/trees/sandbox.ts';
import { seeded } from '../helpers/seeded.ts';
import { carryStepwise } from '../helpers/wire/stepwise-pipe.ts';
import { treeState, type TreeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// After SIGKILL a side cannot report or clean up anything, so the other one and the next run have to.

/** Per side. */
const KILLS = rounds(20, 4);
const FILES = 300;
const STEP_BYTES = 32 * 1024;
/** What pipes and our own buffers hold: a sender with no more than that left may have finished. */
const STEPS_UNDER_WAY = 32;
const PATIENCE_MS = 60_000 + KILLS * 10_000;

function manyFiles(text: string): Record<string, Uint8Array> {
  const names = Array.from({ length: FILES }, (_, i) => `d${i % 20}/file-${i}.txt`);
  return Object.fromEntries(names.map((name, i) => [name, Buffer.alloc(8_000 + i, text)]));
}

/** What is in OUT, without what a killed receiver left and without the time of OUT itself. */
function contentOf(out: string): TreeState {
  const entries = Object.entries(treeState(out, { root: false }));
  return Object.fromEntries(entries.filter(([path]) => !path.startsWith('.ctxsync-')));
}

interface Killing {
  context: string;
  out: string;
  old: TreeState;
  /** OUT once the transfer is done. */
  new: TreeState;
  /** Steps of a whole transfer. */
  steps: number;
}

function withKilling(use: (killing: Killing) => Promise<void>): Promise<void> {
  return withScene(async ({ context, out }) => {
    writeTree(context, manyFiles('new '));
    writeTree(out, manyFiles('old '));
    const stream = await recordSend([context]);
    const steps = Math.floor(stream.length / STEP_BYTES);
    const old = contentOf(out);
    await use({ context, out, old, new: { ...old, ...contentOf(context) }, steps });
  });
}

interface Killed {
  sender: Started;
  receiver: Started;
}

/** Runs a transfer and kills one side before the given step. */
async function transferWithKill(
  { context, out }: Killing,
  side: 'sender' | 'receiver',
  killStep: number,
): Promise<Killed> {
  const sender = start(['send', '--progress', 'none', context]);
  const receiver = start(['receive', '--progress', 'none', out]);
  sender.child.stdout?.removeAllListeners('data').pause();
  const victim = { sender, receiver }[side];
  const { stdin } = receiver.child;
  const left = new Set(['.ctxsync-lock', ...workNames(out)]);
  const works = (): boolean => workNames(out).some((name) => !left.has(name));
  await carryStepwise(sender.child.stdout!, stdin!, STEP_BYTES, async (step) => {
    // Otherwise a receiver could be killed before it has begun.
    if (step === 0) await until('the receiver has its stage', works);
    if (step === killStep) victim.child.kill('SIGKILL');
  });
  return { sender, receiver };
}

test(
  `a sender that is killed at any of ${KILLS} moments leaves OUT as it was`,
  { timeout: PATIENCE_MS },
  () =>
    withKilling(async (killing) => {
      const random = seeded(1);
      for (let kill = 0; kill < KILLS; kill++) {
        const step = random(killing.steps - STEPS_UNDER_WAY);
        const { sender, receiver } = await transferWithKill(killing, 'sender', step);
        expect(await sender.done).toMatchObject({ signal: 'SIGKILL', stderr: '' });
        expectFailure(
          await receiver.done,
          7,
          /the transfer was cut off after .* killed or cancelled/,
        );
        expect(contentOf(killing.out)).toEqual(killing.old);
        expect(workNames(killing.out)).toEqual([]);
      }
    }),
);

test(
  `a receiver that is killed at any of ${KILLS} moments leaves OUT as it was, and the next one cleans up`,
  { timeout: PATIENCE_MS },
  () =>
    withKilling(async (killing) => {
      const { context, out } = killing;
      const random = seeded(2);
      for (let kill = 0; kill < KILLS; kill++) {
        const step = random(killing.steps - STEPS_UNDER_WAY);
        const { sender, receiver } = await transferWithKill(killing, 'receiver', step);
        expect(await receiver.done).toMatchObject({ signal: 'SIGKILL', stderr: '' });
        expectFailure(await sender.done, 7, 'the reader of stdout closed it');
        expect(contentOf(out)).toEqual(killing.old);
        // Its lock, its stage, and earlier stages that it could have used.
        expect(workNames(out).length).toBeLessThanOrEqual(2 + MAX_PARTIAL_STAGES);
      }
      const { send, receive } = await pipeline([context], [out]);
      expectExit(receive, 0);
      expectExit(send, 0);
      expect(contentOf(out)).toEqual(killing.new);
      expect(workNames(out)).toEqual([]);
    }),
);

test(
  'the receiver of a sender killed at the very end reports whether OUT is old or new',
  { timeout: PATIENCE_MS },
  () =>
    withKilling(async (killing) => {
      for (const fromEnd of [4, 2, 1, 0]) {
        const { receiver } = await transferWithKill(killing, 'sender', killing.steps - fromEnd);
        const outcome = await receiver.done;
        expectExit(outcome, 0, 7);
        const wanted = outcome.code === 0 ? killing.new : killing.old;
        expect(contentOf(killing.out)).toEqual(wanted);
        expect(workNames(killing.out)).toEqual([]);
        if (outcome.code === 0) return;
      }
    }),
);
