import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTerminal, PROMPT, whyNoTerminals, type Terminal } from '../helpers/cli/terminal.ts';
import { until } from '../helpers/until.ts';

/** Passes on half of a stream, and the rest when there is a file named `go`. */
const HALF = 'head -c 12000000; until [ -e go ]; do sleep 0.1; done; cat';
const BYTES = 24_000_000;
/** A busy machine must not report a stall of its own. */
const CALM = '--stall-after 1h --compress none';
const STALLED = /stalled \d+s, fails in 4m \d+s/;
const RECEIVED = /^ctxsync receive: received 51 entries, 24\.0 MB into out in /;

const why = whyNoTerminals();
if (why !== undefined) process.stderr.write(`terminal-progress.test.ts is skipped: ${why}\n`);

const WIDTHS = [
  [40, /^. stalled \d+s, fails in 4m \d+s$/],
  [80, /^. sending \d+% █+░+ stalled \d+s, fails in 4m \d+s · [\d.]+\/24\.0 MB/],
  [200, /^. sending \d+% █+░+ stalled \d+s, fails in 4m \d+s · [\d.]+\/24\.0 MB · \d+\/51 entries/],
] as const;

test.skipIf(why !== undefined).each(WIDTHS)(
  'on %d columns a bar shows how far it is, a stall counts on, and a new size leaves no fragment',
  async (columns, line) => {
    const terminal = await openTerminal(columns);
    startHalf(terminal);
    await until('the stall is counted', () => line.test(terminal.screen().at(-1) ?? ''));
    const percent = Number(/(\d+)%/.exec(terminal.screen().at(-1) ?? '')?.[1] ?? 50);
    expect(Math.abs(percent - 50)).toBeLessThanOrEqual(35);
    for (const width of [32, 61, columns]) {
      terminal.resize(width);
      await until('only the command and the new line are there', () => {
        // tmux may have scrolled the command away.
        const lines = terminal.screen().filter((each) => !each.startsWith(PROMPT));
        const [status = ''] = lines;
        return lines.length === 1 && STALLED.test(status) && status.length < width;
      });
    }
    await finish(terminal);
    expect(terminal.screen().filter((each) => each !== `${PROMPT} sh run`)).toEqual([
      expect.stringMatching(RECEIVED),
      'status 0',
      PROMPT,
    ]);
  },
);

test.skipIf(why !== undefined)('in the C locale nothing but ASCII is shown', async () => {
  const terminal = await openTerminal(80, 'C');
  startHalf(terminal);
  await until('the stall is counted', () => STALLED.test(terminal.screen().at(-1) ?? ''));
  expect(terminal.screen().at(-1)).toMatch(/^[-\\|/] sending \d+% #+-+ stalled \d+s, /);
  expect(terminal.screen().join('')).toMatch(/^[ -~]+$/);
  await finish(terminal);
  expect(terminal.screen().join('')).toMatch(/^[ -~]+$/);
});

test.skipIf(why !== undefined)('a terminal shows what both sides wait for', async () => {
  const terminal = await openTerminal(80);
  terminal.type('ctxsync send . --socket s');
  await until('the sender says it', () => terminal.screen().length === 2);
  expect(terminal.screen()[1]).toBe('ctxsync send: waiting for a receiver on s (gives up in 60s)');
  terminal.press('C-c');
  await until('the prompt is back', () => terminal.screen().at(-1) === PROMPT);
  terminal.type('clear; ctxsync receive out --socket s');
  const listening = 'ctxsync receive: listening on s (gives up in 5m)';
  await until('the receiver says it', () => terminal.screen()[0] === listening);
  terminal.press('C-c');
  await until('the prompt is back', () => terminal.screen().at(-1) === PROMPT);
});

/** Starts a transfer that stands still in its middle. */
function startHalf(terminal: Terminal): void {
  const { directory } = terminal;
  mkdirSync(join(directory, 'ctx'));
  writeFileSync(join(directory, 'ctx', 'a-large'), randomBytes(BYTES));
  for (let i = 0; i < 50; i++) writeFileSync(join(directory, 'ctx', `file-${i}`), '');
  writeFileSync(join(directory, 'half'), HALF);
  // On a line of its own, which no window wraps.
  writeFileSync(
    join(directory, 'run'),
    `ctxsync send ctx ${CALM} | sh half | ctxsync receive out --stall-after 1h; echo "status $?"`,
  );
  terminal.type('sh run');
}

async function finish(terminal: Terminal): Promise<void> {
  writeFileSync(join(terminal.directory, 'go'), '');
  await until('the prompt is back', () => terminal.screen().at(-1) === PROMPT);
}
