import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  openSync,
  readFileSync,
  writeSync,
  closeSync,
  truncateSync,
  mkdirSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BIN } from '../helpers/cli/cli.ts';
import { expectExit, withScene, type Ended } from '../helpers/trees/sandbox.ts';
import { carryStepwise } from '../helpers/wire/stepwise-pipe.ts';
import { until } from '../helpers/until.ts';

// A receiver that reads slowly slows down the sender's disk, whatever the size of the context: the
// memory of both sides has a bound that does not depend on it.

const MiB = 1024 * 1024;
const BIG_BYTES = 300 * MiB;
/** The memory of a side may exceed that for a small context by this much, whatever is sent. */
const MORE_BYTES = 64 * MiB;
/** The ring, the pipes, and what Node reads of its own code, with room to spare. */
const READ_AHEAD_BYTES = 16 * MiB;
const STEP_BYTES = 64 * 1024;
/** In this time the sender could read hundreds of times as much as it may hold. */
const TRICKLE_MS = 5;
const SLOW_STEPS = 200;
const PATIENCE_MS = 240_000;

interface Side {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** Its peak memory so far. */
  peakBytes: () => number;
}

function startSide(args: string[]): Side {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: 'pipe' });
  let stderr = '';
  let peak = 0;
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.on('exit', (code) => resolve({ code, stderr }));
  });
  const peakBytes = (): number => (peak = Math.max(peak, readPeak(child)));
  return { child, ended, peakBytes };
}

/** VmHWM of proc(5): the peak memory of a process. */
function readPeak({ pid }: ChildProcess): number {
  return readProc(`/proc/${pid}/status`, /^VmHWM:\s*(\d+) kB$/m) * 1024;
}

/** Bytes that a process has read so far, from anywhere. */
function readByteCount({ pid }: ChildProcess): number {
  return readProc(`/proc/${pid}/io`, /^rchar: (\d+)$/m);
}

/** 0 once the process is gone. */
function readProc(path: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Not only zeros: a few bytes in every MiB contain their offset. */
function makeBigFile(path: string): void {
  const fd = openSync(path, 'w');
  for (let at = 0; at < BIG_BYTES; at += MiB) writeSync(fd, `at ${at}`, at);
  closeSync(fd);
  truncateSync(path, BIG_BYTES);
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Peak memory of both sides in a tiny transfer. */
async function peaksOfSmallTransfer(context: string, out: string): Promise<number[]> {
  const sender = startSide(['send', context]);
  const receiver = startSide(['receive', out]);
  const peaks: number[] = [];
  await carryStepwise(sender.child.stdout!, receiver.child.stdin!, STEP_BYTES, async () => {
    await until('both work', () => sender.peakBytes() > 0 && receiver.peakBytes() > 0);
    peaks.splice(0, 2, sender.peakBytes(), receiver.peakBytes());
  });
  expectExit(await receiver.ended, 0);
  return peaks;
}

test(
  'with a reader that is slow at first, the memory of both sides is bounded, and everything arrives',
  { timeout: PATIENCE_MS },
  async (task) => {
    task.skip(process.platform !== 'linux', 'memory is read from /proc');
    await withScene(async ({ directory, context, out }) => {
      const [smallSender, smallReceiver] = await peaksOfSmallTransfer(context, out);
      const big = join(directory, 'big');
      mkdirSync(big);
      makeBigFile(join(big, 'big.bin'));
      const sender = startSide(['send', big]);
      const receiver = startSide(['receive', out]);
      const from = sender.child.stdout!;
      let readAhead = 0;
      await carryStepwise(from, receiver.child.stdin!, STEP_BYTES, async (step) => {
        sender.peakBytes();
        receiver.peakBytes();
        if (step >= SLOW_STEPS) return;
        await new Promise((resolve) => setTimeout(resolve, TRICKLE_MS));
        readAhead = Math.max(readAhead, readByteCount(sender.child) - step * STEP_BYTES);
      });
      expectExit(await sender.ended, 0);
      expectExit(await receiver.ended, 0);
      expect(readAhead).toBeLessThan(READ_AHEAD_BYTES);
      expect(sender.peakBytes() - smallSender!).toBeLessThan(MORE_BYTES);
      expect(receiver.peakBytes() - smallReceiver!).toBeLessThan(MORE_BYTES);
      expect(await digest(join(out, 'big.bin'))).toBe(await digest(join(big, 'big.bin')));
    });
  },
);
