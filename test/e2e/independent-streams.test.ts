import type { ChildProcess } from 'node:child_process';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IO_BUFFER_BYTES, MAX_STREAMS, RING_BYTES } from '../../src/limits.ts';
import { copyTree } from '../helpers/wire/both-ways.ts';
import { startInTest, type Started } from '../helpers/cli/cli.ts';
import { bothEnds, socketOf, startOverSocket } from '../helpers/cli/duplex.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { fakeReceiver, type Peer } from '../helpers/wire/fake-receiver.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { hangingMount, whyNoMounts } from '../helpers/disk/hanging-mount.ts';
import { isStageName, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

// On a bidirectional transport a stream that nobody consumes delays no other, and its data waits on
// the sender's disk: the memory of both sides has a bound that does not depend on it.

const MiB = 1024 * 1024;
/** More than both sides together may hold in memory. */
const BIG_BYTES = 160 * MiB;
/** limits.ts: the most that a process needs, whatever is sent. */
const BUFFER_BYTES = MAX_STREAMS * (RING_BYTES + IO_BUFFER_BYTES);
const [NODE_MAJOR = 0] = process.versions.node.split('.').map(Number);
/** How much Node's heaps may grow meanwhile, one in each of up to six threads: Node 24 takes 33 MiB. */
const HEAP_BYTES = (NODE_MAJOR >= 24 ? 48 : 24) * MiB;

const why = whyNoMounts();
if (why !== undefined) process.stderr.write(`independent-streams.test.ts skips: ${why}\n`);

/** A few bytes in every MiB contain their offset. */
function makeBig(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const fd = openSync(join(directory, 'big.bin'), 'w');
  for (let at = 0; at < BIG_BYTES; at += MiB) writeSync(fd, `at ${at}`, at);
  writeSync(fd, 'end', BIG_BYTES - 3);
  closeSync(fd);
}

/** VmHWM of proc(5): the peak memory of a process; 0 once it is gone. */
function peakBytes({ pid }: ChildProcess): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

describe.skipIf(process.platform !== 'linux')('when one of two contexts is not consumed', () => {
  test('by its receiver, all of the other arrives, and the memory of the sender is bounded', () =>
    withDirectory(async (directory) => {
      for (const name of ['stuck', 'goes']) {
        writeTree(join(directory, `small-${name}`), { file: name });
        makeBig(join(directory, name));
      }
      const idle = await withoutData(directory);

      const socket = join(directory, 'picky');
      const receiver = await pickyReceiver(socket);
      const contexts = ['stuck', 'goes'].map((name) => `${name}=${join(directory, name)}`);
      const sender = startInTest(['send', ...contexts, '--socket', socket]);
      await until('all of the other context has arrived, and no room is left', () => {
        receiver.consume('goes');
        return receiver.ended('goes') && receiver.full('stuck');
      });
      expect(receiver.taken('goes')).toBeGreaterThan(BIG_BYTES);
      expect(receiver.ended('stuck')).toBe(false);
      expect(sender.child.exitCode).toBeNull();
      const peak = peakBytes(sender.child);
      expect(peak).toBeGreaterThan(0);
      expect(peak - idle).toBeLessThan(BUFFER_BYTES + HEAP_BYTES);

      await until('what was stuck arrives when it is consumed', () => {
        receiver.consume('stuck');
        return receiver.ended('stuck');
      });
      expect(receiver.taken('stuck')).toBe(receiver.taken('goes'));
    }));

  test.skipIf(why !== undefined)(
    'because its disk hangs, all of the other is staged in bounded memory, and both are complete later',
    async () => {
      const mount = await hangingMount((behind) => writeTree(behind, { 'a/file': 'the same' }));
      await withDirectory(async (directory) => {
        const [stuck, goes] = [join(directory, 'stuck'), join(directory, 'goes')];
        copyTree(mount.behind, stuck);
        makeBig(goes);
        for (const name of ['stuck', 'goes'])
          writeTree(join(directory, `small-${name}`), { file: '' });
        const idle = await peaksOfSmall(directory);

        // The mount is the directory into which one of the contexts is received.
        const out = join(mount.path, '..');
        await mount.hang();
        const both = await startOverSocket(
          { socket: socketOf({ directory }) },
          [`mount=${stuck}`, `goes=${goes}`],
          [out],
        );
        await until('all of the other context is staged', () => stagedBytes(out) === BIG_BYTES);
        for (const [i, { child }] of [both.sender, both.receiver].entries()) {
          const peak = peakBytes(child);
          expect(peak).toBeGreaterThan(0);
          expect(peak - idle[i]!).toBeLessThan(BUFFER_BYTES + HEAP_BYTES);
        }

        mount.goOn();
        expectDone(await bothEnds(both));
        expect(treeState(join(out, 'goes'))).toEqual(treeState(goes));
        expect(treeState(mount.path)).toEqual(treeState(stuck));
      });
    },
  );
});

/** Of the context that does not hang; does not look at anything else in OUT. */
function stagedBytes(out: string): number {
  const stage = readdirSync(out).find(isStageName);
  const path = join(out, stage ?? 'none', 'tree/goes/big.bin');
  return lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Peak memory of a sender of two tiny contexts. */
async function withoutData(directory: string): Promise<number> {
  const socket = join(directory, 'small');
  const receiver = await pickyReceiver(socket);
  const contexts = ['stuck', 'goes'].map((name) => `${name}=${join(directory, `small-${name}`)}`);
  const sender = startInTest(['send', ...contexts, '--socket', socket]);
  await until(
    'both contexts have arrived',
    () => receiver.ended('goes') && receiver.ended('stuck'),
  );
  return peakBytes(sender.child);
}

/** Peak memory of both sides for them, the sender first. */
async function peaksOfSmall(directory: string): Promise<number[]> {
  const contexts = ['stuck', 'goes'].map((name) => `${name}=${join(directory, `small-${name}`)}`);
  const { sender, receiver } = await startOverSocket(
    { socket: join(directory, 'small') },
    contexts,
    [join(directory, 'small-out')],
  );
  const sides: Started[] = [sender, receiver];
  const peaks = [0, 0];
  await until('both have ended', () => {
    for (const [i, { child }] of sides.entries()) {
      peaks[i] = Math.max(peaks[i]!, peakBytes(child));
    }
    return sides.every(({ child }) => child.exitCode !== null);
  });
  expectDone(await bothEnds({ sender, receiver }));
  return peaks;
}

/** A receiver that consumes only what a test asks it to. */
class Picky {
  readonly #taken = new Map<string, number>();
  #peer: Peer | undefined;

  meet(peer: Peer): void {
    this.#peer = peer;
  }

  /** Consumes what has arrived of a context. */
  consume(name: string): void {
    const ring = this.#of(name)?.ring;
    if (ring === undefined) return;
    for (let bytes = ring.readable(); bytes.length > 0; bytes = ring.readable()) {
      this.#taken.set(name, this.taken(name) + bytes.length);
      ring.consumed(bytes.length);
    }
  }

  /** Bytes that were consumed. */
  taken(name: string): number {
    return this.#taken.get(name) ?? 0;
  }

  ended(name: string): boolean {
    return this.#of(name)?.end !== undefined;
  }

  /** Everything that was granted has arrived. */
  full(name: string): boolean {
    const ring = this.#of(name)?.ring;
    return ring !== undefined && ring.readable().length === ring.capacity;
  }

  #of(name: string) {
    const received = [...(this.#peer?.recorder.received.values() ?? [])];
    return received.find(({ stream }) => stream.name === name);
  }
}

async function pickyReceiver(path: string): Promise<Picky> {
  const picky = new Picky();
  await fakeReceiver(path, { onHello: (peer) => picky.meet(peer), onFin: () => {} });
  return picky;
}
