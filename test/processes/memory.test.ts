import { mkdirSync, readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { DEFAULT_MAX_ENTRIES, MAX_TABLE_BYTES_PER_ENTRY } from '../../src/limits.ts';
import { startInTest, type Started } from '../helpers/cli/cli.ts';
import { connectTo } from '../helpers/cli/connect-to.ts';
import { startReceiver } from '../helpers/cli/duplex.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { HAS_PEAKS, peakBytes } from '../helpers/cli/peak-memory.ts';
import { rounds } from '../helpers/proofs.ts';
import { expectExit, expectFailure, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';
import { FRAME, MAGIC, SessionEncoder } from '../helpers/wire/independent-encoder.ts';
import {
  encodeManifestRecords,
  encodeTreeRecords,
  END_OF_RECORDS,
  type ManifestRecord,
  type TreeRecord,
} from '../helpers/wire/independent-records.ts';

// A receiver, at its default limits, with as many entries as a hostile sender may send: its memory
// stays within the bound of limits.ts, whatever the entries are.

/** All of DEFAULT_MAX_ENTRIES with CTXSYNC_PROOFS=10, which takes minutes. */
const ENTRIES = Math.min(DEFAULT_MAX_ENTRIES, rounds(400_000, 60_000));
const BATCH = 4_000;
const MiB = 2 ** 20;
/** Garbage that V8 keeps until it collects, whatever the number of entries: 35 MiB were seen. */
const SLACK_BYTES = 72 * MiB;
/** A directory of so many is a MiB or more itself, and its names are kept packed. */
const NAMES = Math.min(ENTRIES, 200_000);
/** Of either side, with the runtime: with a string for each of 200,000 names 125 MiB were seen. */
const WITH_NAMES_BYTES = 110 * MiB;

/** @param idle bytes that it needs for a few entries */
function expectBounded(peak: number, idle: number, tables: number): void {
  const bound = idle + tables * ENTRIES * MAX_TABLE_BYTES_PER_ENTRY + SLACK_BYTES;
  expect(peak).toBeLessThan(bound);
}

/** Samples the memory of a process until it has exited. */
function watchPeak({ child }: Started): () => number {
  let peak = 0;
  const look = (): void => void (peak = Math.max(peak, peakBytes(child.pid)));
  const timer = setInterval(look, 20);
  child.on('exit', () => clearInterval(timer));
  return () => peak;
}

/** In walk order. */
function* paths(count: number): Generator<string> {
  for (let i = 0; i < count; i++) yield String(i).padStart(8, '0');
}

function* batches<T>(all: Iterable<T>): Generator<T[]> {
  let batch: T[] = [];
  for (const each of all) {
    batch.push(each);
    if (batch.length === BATCH) {
      yield batch;
      batch = [];
    }
  }
  yield batch;
}

async function write(to: Writable, bytes: Uint8Array): Promise<void> {
  if (!to.write(bytes)) await until('it reads', () => !to.writableNeedDrain || to.destroyed);
}

/** The credit that a receiver gives for stream 1, and whether it answered it. */
class Answers {
  limit = 0;
  ended = false;
  #rest: Buffer = Buffer.alloc(0);
  #magic = true;

  take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (this.#magic && this.#rest.length >= MAGIC.length) {
      this.#rest = this.#rest.subarray(MAGIC.length);
      this.#magic = false;
    }
    for (;;) {
      if (this.#magic || this.#rest.length < 16) return;
      const end = 16 + this.#rest.readUInt32BE(0);
      if (this.#rest.length < end) return;
      this.#frame(this.#rest[4]!, this.#rest.readUInt16BE(6), this.#rest.subarray(16, end));
      this.#rest = this.#rest.subarray(end);
    }
  }

  #frame(type: number, stream: number, payload: Buffer): void {
    const told = (): Record<string, number> =>
      JSON.parse(payload.toString()) as Record<string, number>;
    if (type === FRAME.HELLO) this.limit = told()['credit']!;
    if (type === FRAME.CREDIT && stream === 1) this.limit = told()['limit']!;
    if (type === FRAME.END && stream === 1) this.ended = true;
  }
}

/** Offers a context of these records, reads everything that is wanted, and disconnects. */
async function offer(path: string, records: Iterable<ManifestRecord>): Promise<void> {
  const socket: Socket = await connectTo(path);
  socket.on('error', () => {});
  const answers = new Answers();
  socket.on('data', (bytes: Buffer) => answers.take(bytes));
  const credit = Number.MAX_SAFE_INTEGER;
  const encoder = new SessionEncoder({ mode: 'duplex', credit, contexts: [''] });
  await write(socket, encoder.start());
  const { id, frame } = encoder.open('manifest', '');
  await write(socket, frame);
  let sent = 0;
  for (const batch of batches(records)) {
    const bytes = encodeManifestRecords(batch);
    sent += bytes.length;
    await until('there is credit', () => sent <= answers.limit || socket.destroyed);
    await write(socket, encoder.data(id, bytes));
  }
  await until('there is credit', () => sent < answers.limit || socket.destroyed);
  await write(socket, encoder.data(id, END_OF_RECORDS));
  await write(socket, encoder.end(id));
  await until('it said what it wants', () => answers.ended || socket.destroyed);
  expect(answers.ended).toBe(true);
  socket.destroy();
}

async function sendDirectories(to: Writable, count: number, unordered: boolean): Promise<void> {
  const encoder = new SessionEncoder({ contexts: [''] });
  await write(to, encoder.start());
  const { id, frame } = encoder.open('tree', '', { unordered });
  await write(to, frame);
  for (const batch of batches(['', ...paths(count)])) {
    const records = batch.map((path): TreeRecord => ({ kind: 'directory', path }));
    await write(to, encoder.data(id, encodeTreeRecords(records)));
  }
  await write(to, encoder.data(id, END_OF_RECORDS));
  await write(to, Buffer.concat([encoder.end(id), encoder.fin()]));
  to.end();
}

const KINDS: [
  what: string,
  tables: number,
  records: (count: number) => Iterable<ManifestRecord>,
][] = [
  [
    'files',
    0,
    function* (count) {
      yield { kind: 'directory', path: '' };
      for (const path of paths(count - 1)) yield { kind: 'file', path };
    },
  ],
  [
    'files with several names',
    2,
    function* (count) {
      yield { kind: 'directory', path: '' };
      for (const path of paths(count - 1)) yield { kind: 'file', linked: true, path };
    },
  ],
];

describe.runIf(HAS_PEAKS)(`with ${ENTRIES} entries`, { timeout: 600_000 }, () => {
  test.each(KINDS)('a manifest of %s takes %i tables', async (_, tables, records) =>
    withDirectory(async (directory) => {
      const out = join(directory, 'out');
      writeTree(out, { keep: 'kept' });
      const before = treeState(out);
      const tried = async (count: number): Promise<number> => {
        const path = join(directory, `socket-${count}`);
        const receiver = await startReceiver(path, [out]);
        const peak = watchPeak(receiver);
        await offer(path, records(count));
        const ended = await receiver.done;
        expectFailure(ended, 7, 'the transfer was cut off');
        expect(ended.stderr).not.toMatch(/stall|waiting|silent/);
        expect(treeState(out)).toEqual(before);
        return peak();
      };
      const idle = await tried(10);
      const peak = await tried(ENTRIES);
      expectBounded(peak, idle, tables);
    }),
  );

  test.each([
    ['in order takes no table', false, 0],
    ['in any order takes one', true, 1],
  ] as const)('a tree of empty directories %s', async (_, unordered, tables) => {
    const tried = async (count: number): Promise<number> => {
      const receiver = startInTest(['receive', '-']);
      const peak = watchPeak(receiver);
      receiver.child.stdout!.removeAllListeners('data').resume();
      await sendDirectories(receiver.child.stdin!, count, unordered);
      expectExit(await receiver.done, 0);
      return peak();
    };
    const idle = await tried(10);
    const peak = await tried(ENTRIES - 1);
    expectBounded(peak, idle, tables);
  });

  test('beside each other in one directory take little memory on both sides', () =>
    withDirectory(async (directory) => {
      const [context, out] = [join(directory, 'context'), join(directory, 'out')];
      mkdirSync(context);
      for (const path of paths(NAMES)) mkdirSync(join(context, path));
      const sender = startInTest(['send', '-q', context]);
      const receiver = startInTest(['receive', '-q', out]);
      const peaks = [watchPeak(sender), watchPeak(receiver)];
      sender.child.stdout!.removeAllListeners('data').pipe(receiver.child.stdin!);
      for (const { done } of [sender, receiver]) expectExit(await done, 0);
      expect(readdirSync(out)).toHaveLength(NAMES);
      for (const peak of peaks) expect(peak()).toBeLessThan(WITH_NAMES_BYTES);
    }));
});
