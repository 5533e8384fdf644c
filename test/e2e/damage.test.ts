import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { CtxsyncError, fromStream, receive } from 'ctxsync';
import { expect, test } from 'vitest';
import { decodeHeader, HEADER_BYTES, MAGIC } from '../../src/wire/frame.ts';
import { recordSend, run } from '../helpers/cli/cli.ts';
import { expectExit, expectUntouched, withScene, type Sandbox } from '../helpers/trees/sandbox.ts';
import { rounds } from '../helpers/proofs.ts';
import { seeded } from '../helpers/seeded.ts';

// A run takes about 40 ms because of its disk thread, so not every offset is tried here.
// test/wire/damage.test.ts tries every offset and every bit, on the wire only.
const EVENLY = rounds(60, 10);
const PROCESSES = rounds(20, 4);
const AT_A_TIME = 4;
const PATIENCE_MS = 240_000;
const CODES = ['truncated', 'corrupt', 'not-ctxsync', 'version-mismatch'];

/** The offsets where frames begin, and the end of the last one. */
function frameBoundaries(stream: Buffer): number[] {
  const boundaries = [0, MAGIC.length];
  for (let at = MAGIC.length; at < stream.length; boundaries.push(at)) {
    at += HEADER_BYTES + decodeHeader(stream.subarray(at)).length;
  }
  expect(boundaries.at(-1)).toBe(stream.length);
  return boundaries;
}

/** `evenly` offsets spread evenly from 0 up to `end`, and those beside every boundary. */
function sample(end: number, evenly: number, boundaries: number[]): number[] {
  const spread = Array.from({ length: evenly }, (_, i) => Math.floor((i * end) / evenly));
  const beside = boundaries.flatMap((at) => [at - 1, at, at + 1]);
  return [...new Set([...spread, ...beside])].filter((at) => at >= 0 && at < end);
}

function flipBit(stream: Buffer, at: number, random: (below: number) => number): Buffer {
  const flipped = Buffer.from(stream);
  flipped[at]! ^= 1 << random(8);
  return flipped;
}

/** Gives receivers a few damaged streams at a time, each receiver in its own sandbox. */
async function refuseAll(
  offsets: number[],
  damage: (at: number) => Buffer,
  refuse: (damaged: Buffer, sandbox: Sandbox) => Promise<void>,
): Promise<void> {
  const left = [...offsets];
  const lane = async (): Promise<void> => {
    await withScene(async (sandbox) => {
      for (let at = left.shift(); at !== undefined; at = left.shift()) {
        await refuse(damage(at), sandbox).catch((error: unknown) => {
          throw new Error(`damaged at ${at}: ${String(error)}`, { cause: error });
        });
        expectUntouched(sandbox);
      }
    });
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
}

async function refuseHere(damaged: Buffer, { out }: Sandbox): Promise<void> {
  const from = fromStream(Readable.from([damaged]));
  const outcome = await receive({ from, to: { directory: out } }).catch((error: unknown) => error);
  if (!(outcome instanceof CtxsyncError)) throw new Error('it was received');
  expect(CODES).toContain(outcome.code);
}

async function refuseInProcess(damaged: Buffer, { out }: Sandbox): Promise<void> {
  const outcome = await run(['receive', out], { input: damaged });
  expectExit(outcome, 6, 7);
  expect(outcome.stderr).toMatch(/^ctxsync receive: error: /m);
}

function withStream(use: (stream: Buffer) => Promise<void>): Promise<void> {
  return withScene(async ({ context }) => use(await recordSend([context])));
}

test('the stream that the other tests damage is received when it is intact', () =>
  withStream((stream) =>
    withScene(async ({ out }) => {
      await receive({ from: fromStream(Readable.from([stream])), to: { directory: out } });
      expect(readFileSync(join(out, 'a.txt'), 'utf8')).toBe('new');
    }),
  ));

test(
  `a stream cut short at ${EVENLY} offsets and beside every frame is never received`,
  { timeout: PATIENCE_MS },
  () =>
    withStream(async (stream) => {
      const offsets = sample(stream.length, EVENLY, frameBoundaries(stream));
      await refuseAll(offsets, (at) => stream.subarray(0, at), refuseHere);
    }),
);

test(
  `a stream with a bit flipped at ${EVENLY} offsets and in headers is never received`,
  { timeout: PATIENCE_MS },
  () =>
    withStream(async (stream) => {
      const random = seeded(1);
      const headers = frameBoundaries(stream)
        .slice(1, -1)
        .flatMap((at) => Array.from({ length: HEADER_BYTES }, (_, i) => at + i));
      const some = sample(headers.length, rounds(headers.length, 40), []).map((i) => headers[i]!);
      const offsets = [...new Set([...sample(stream.length, EVENLY, []), ...some])];
      await refuseAll(offsets, (at) => flipBit(stream, at, random), refuseHere);
    }),
);

test('a stream with a part left out is never received', { timeout: PATIENCE_MS }, () =>
  withStream(async (stream) => {
    const random = seeded(2);
    const without = (at: number): Buffer => {
      const end = at + 1 + random(stream.length - at - 1);
      return Buffer.concat([stream.subarray(0, at), stream.subarray(end)]);
    };
    await refuseAll(sample(stream.length - 1, PROCESSES, []), without, refuseHere);
  }),
);

test('a stream with a part repeated is never received', { timeout: PATIENCE_MS }, () =>
  withStream(async (stream) => {
    const random = seeded(3);
    const repeating = (at: number): Buffer => {
      const end = at + 1 + random(stream.length - at - 1);
      return Buffer.concat([stream.subarray(0, end), stream.subarray(at)]);
    };
    await refuseAll(sample(stream.length - 1, PROCESSES, []), repeating, refuseHere);
  }),
);

test(
  `a receiver process reports a stream cut short at ${PROCESSES} offsets and never exits with 0`,
  { timeout: PATIENCE_MS },
  () =>
    withStream(async (stream) => {
      const offsets = sample(stream.length, PROCESSES, []);
      await refuseAll(offsets, (at) => stream.subarray(0, at), refuseInProcess);
    }),
);

test(
  `a receiver process reports a bit flipped at ${PROCESSES} offsets and never exits with 0`,
  { timeout: PATIENCE_MS },
  () =>
    withStream(async (stream) => {
      const random = seeded(4);
      const offsets = sample(stream.length, PROCESSES, []);
      await refuseAll(offsets, (at) => flipBit(stream, at, random), refuseInProcess);
    }),
);
