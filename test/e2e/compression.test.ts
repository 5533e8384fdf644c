import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TransferReport } from 'ctxsync';
import { expect, test } from 'vitest';
import { pipeline, run } from '../helpers/cli/cli.ts';
import { sendThroughSlowPipe, sendToSlowCommand } from '../helpers/cli/slow-link.ts';
import { withScene, type Sandbox } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

// --compress and --bwlimit, judged by the bytes that travel.

const FILES = 24;
const LINES = 15_000;
const SLOW = 2_000_000;

/** Text that shrinks to less than a third, as source code does. Returns its bytes. */
function addText({ context }: Sandbox): number {
  mkdirSync(join(context, 'text'));
  const sizes = Array.from({ length: FILES }, (_, file) => {
    const lines = Array.from(
      { length: LINES },
      (_line, i) => `const name${i} = ${i * 7919 + file};\n`,
    );
    writeFileSync(join(context, 'text', `${file}.ts`), lines.join(''));
    return lines.join('').length;
  });
  return sizes.reduce((sum, size) => sum + size);
}

function reportOf({ directory }: Sandbox): TransferReport {
  return JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8')) as TransferReport;
}

const reportTo = ({ directory }: Sandbox): string[] => ['--report', join(directory, 'report.json')];

test.each([
  ['a pipe', sendThroughSlowPipe],
  ['a command', sendToSlowCommand],
])('over %s of 2 MB/s less than half of the bytes of a text travel', (_where, sendOverSlowLink) =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    const bytes = addText(sandbox);
    const sendArgs = reportTo(sandbox);
    const { done } = sendOverSlowLink({ context, out, bytesPerSecond: SLOW, sendArgs });
    expect(await done).toMatchObject({ code: 0 });
    expect(treeState(join(out, 'text'))).toEqual(treeState(join(context, 'text')));
    expect(reportOf(sandbox).bytes).toBeGreaterThan(bytes);
    expect(reportOf(sandbox).wireBytes).toBeLessThan(bytes / 2);
  }),
);

test.each(['none', 'gzip'])('--compress %s does not depend on the pipe', (how) =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    const bytes = addText(sandbox);
    const { send, receive } = await pipeline(
      ['--compress', how, ...reportTo(sandbox), context],
      [out],
    );
    expect([send.code, receive.code]).toEqual([0, 0]);
    expect(treeState(join(out, 'text'))).toEqual(treeState(join(context, 'text')));
    const { wireBytes } = reportOf(sandbox);
    if (how === 'none') expect(wireBytes).toBeGreaterThan(bytes);
    else expect(wireBytes).toBeLessThan(bytes / 3);
  }),
);

test('a receiver takes what was recorded with --compress, and refuses it when it is damaged', () =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    addText(sandbox);
    const { stdout: recorded } = await run(['send', '--compress', 'gzip', context]);
    const damaged = Buffer.from(recorded);
    damaged[recorded.length >> 1]! ^= 0x10;
    const refused = await run(['receive', out], { input: damaged });
    expect(refused).toMatchObject({ code: 6 });
    expect(refused.stderr).toContain('damaged');
    expect(await run(['receive', out], { input: recorded })).toMatchObject({ code: 0 });
    expect(treeState(join(out, 'text'))).toEqual(treeState(join(context, 'text')));
  }));

test('--bwlimit keeps the sender below the rate', () =>
  withScene(async (sandbox) => {
    const { context, out } = sandbox;
    const bytes = addText(sandbox);
    const rate = Math.floor(bytes / 3);
    const { send, receive } = await pipeline(
      ['--bwlimit', `${rate}B`, '--compress', 'none', ...reportTo(sandbox), context],
      [out],
    );
    expect([send.code, receive.code]).toEqual([0, 0]);
    // The last frame is not followed by its pause.
    expect(reportOf(sandbox).times.totalMs).toBeGreaterThan(2_800);
  }));

test.each([
  ['--compress', 'lz4', 'zstd'],
  ['--bwlimit', 'fast', 'rate like 500kB'],
  ['--bwlimit', '0', 'rate like 500kB'],
])('%s %s is a usage error', (option, value, message) =>
  withScene(async ({ context }) => {
    const { code, stderr } = await run(['send', option, value, context]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  }),
);
