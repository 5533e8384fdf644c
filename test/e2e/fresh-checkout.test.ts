import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyTree, transfer, WAYS, type Reports, type Way } from '../helpers/wire/both-ways.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

// In CI each checkout has new times for every file: what travels must be the differences all the same
// (earthly#2763, buildkit#1106, actions/checkout#307).

const FILES = 300;
const BYTES = 10_000;

interface Checkout {
  directory: string;
  context: string;
  out: string;
  way: Way;
}

/** Runs with a context that is a fresh copy, with new times, of what OUT has. */
function withCheckout<T>(way: Way, use: (checkout: Checkout) => Promise<T>): Promise<T> {
  return withDirectory((directory) => {
    const [out, context] = [join(directory, 'out'), join(directory, 'context')];
    for (let i = 0; i < FILES; i++) {
      mkdirSync(join(out, `d${i % 10}`), { recursive: true });
      writeFileSync(fileOf(out, i), noise(`${i}`, BYTES + i));
    }
    chmodSync(fileOf(out, 3), 0o755);
    execFileSync('cp', ['-r', '--preserve=mode', out, context]);
    return use({ directory, context, out, way });
  });
}

function fileOf(root: string, i: number): string {
  return join(root, `d${i % 10}/${i}.bin`);
}

/** Bytes that compress badly, the same for the same seed. */
function noise(seed: string, bytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / 64) }, (_, i) =>
    createHash('sha512').update(`${seed} ${i}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, bytes);
}

async function send(checkout: Checkout, ...options: string[]): Promise<Reports> {
  const { directory, context, out, way } = checkout;
  const reports = await transfer({
    directory,
    way,
    send: [context, ...options],
    receive: [out, '--delete'],
  });
  expect(treeState(out)).toEqual(treeState(context));
  expect(reports.received.counts).toEqual(reports.sent.counts);
  return reports;
}

describe.each(WAYS)('a fresh checkout, over %s,', (way) => {
  test('travels as metadata', () =>
    withCheckout(way, async (checkout) => {
      const { ino } = statSync(fileOf(checkout.out, 1));
      const { sent } = await send(checkout);
      expect(sent).toMatchObject({ bytes: 0, counts: { written: 0, metadataOnly: FILES + 10 } });
      expect(sent.wireBytes).toBeLessThan((FILES + 10) * 120 + 8_192);
      expect(statSync(fileOf(checkout.out, 1)).ino).toBe(ino);
      const again = await send(checkout);
      expect(again.sent.counts).toMatchObject({ metadataOnly: 0, unchanged: FILES + 10 });
    }));

  test('travels with the content that differs, even where the size does not', () =>
    withCheckout(way, async (checkout) => {
      writeFileSync(fileOf(checkout.context, 7), noise('other', BYTES + 7));
      const { sent } = await send(checkout);
      expect(sent).toMatchObject({
        bytes: BYTES + 7,
        counts: { written: 1, reused: 0, metadataOnly: FILES + 9 },
      });
    }));

  test('travels without the files that were moved', () =>
    withCheckout(way, async (checkout) => {
      renameSync(join(checkout.context, 'd1'), join(checkout.context, 'a new name'));
      renameSync(fileOf(checkout.context, 3), join(checkout.context, 'renamed'));
      const { sent } = await send(checkout);
      const moved = FILES / 10 + 1;
      expect(sent).toMatchObject({
        bytes: 0,
        counts: { written: moved + 1, reused: moved, metadataOnly: FILES - moved + 9 },
      });
      expect(sent.counts?.removed).toBe(moved + 1);
    }));

  test('travels whole with --full, and as little as otherwise with --checksum', () =>
    withCheckout(way, async (checkout) => {
      const other = `${checkout.out}-2`;
      copyTree(checkout.out, other);
      const whole = await send(checkout, '--full');
      expect(whole.sent).toMatchObject({ counts: { written: FILES + 10, metadataOnly: 0 } });
      expect(whole.sent.wireBytes).toBeGreaterThan(FILES * BYTES);
      const listed = await send({ ...checkout, out: other }, '--checksum');
      expect(listed.sent).toMatchObject({ bytes: 0, counts: { metadataOnly: FILES + 10 } });
      expect(readFileSync(fileOf(other, 0))).toEqual(noise('0', BYTES));
    }));
});
