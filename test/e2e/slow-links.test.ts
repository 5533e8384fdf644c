import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withScene } from '../helpers/trees/sandbox.ts';
import { sendThroughSlowPipe, sendToSlowCommand } from '../helpers/cli/slow-link.ts';
import { until } from '../helpers/until.ts';

// A peer behind a slow link is alive: no side may report that it is silent or does not read. A message
// names the link, or there is none.

/** More than a pipe and the first frame hold, so that a write of the sender stays pending for long. */
const BIG_BYTES = 240_000;
const ACCUSATIONS = /silent|does not read|not answering|a thread of its own/;

test('a sender does not blame the receiver behind a pipe at 16 kB/s, however long a frame takes', () =>
  withScene(async ({ context, out }) => {
    writeFileSync(join(context, 'big.bin'), randomBytes(BIG_BYTES));
    const args = ['--stall-after', '3s'];
    const { done } = sendThroughSlowPipe({ context, out, bytesPerSecond: 16_000, args });
    const { code, stderr } = await done;
    expect(code).toBe(0);
    expect(stderr).not.toContain('does not read');
  }));

test('both sides of a command name the link of 100 B/s as the cause of a stall', () =>
  withScene(async ({ context, out }) => {
    const args = ['--stall-after', '2s'];
    const both = sendToSlowCommand({ context, out, bytesPerSecond: 100, args });
    await until('the sender names the link', () =>
      /^ctxsync send: stalled .*: the link is slow \(/m.test(both.said()),
    );
    await until('the receiver does', () =>
      /ctxsync receive: stalled .*: the link is slow \(/.test(both.said()),
    );
    const stalls = both
      .said()
      .split('\n')
      .filter((line) => line.includes('stalled'));
    // While the receiver's process starts, the sender cannot know more.
    const afterStart = stalls.filter((line) => !line.includes('has not answered'));
    for (const line of afterStart) expect(line).not.toMatch(ACCUSATIONS);
  }));
