import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordSend, run } from '../helpers/cli/cli.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { openTerminal, PROMPT, whyNoTerminals, type Terminal } from '../helpers/cli/terminal.ts';
import { until } from '../helpers/until.ts';

const FILES = 300;
/** A source of two halves; the second comes when there is a file named `go`. */
const SOURCE = 'cat half-1; until [ -e go ]; do sleep 0.1; done; cat half-2';
const SPINNER = /^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] /;
const STALLS = / · stalled \d+s, fails in \dm \d+s/;
const PROGRESS = new RegExp(
  `^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] (?:sending|receiving)(?:${STALLS.source})?(?: · [\\d.]+ [kM]?B)?(?: · [^⠀-⣿]+)?$`,
);
const RECEIVED =
  /^ctxsync receive: received 300 entries, [\d.]+ kB into out in [^;]*(?:; source \d+%, wire \d+%, destination \d+%)?$/;
const STALLED = /^ctxsync receive: stalled 3s: sender is alive: waiting for data for \ds$/;

const why = whyNoTerminals();
// Prints the reason, because the report only counts skipped tests.
if (why !== undefined) process.stderr.write(`terminal.test.ts is skipped: ${why}\n`);

describe.skipIf(why !== undefined).each([80, 40])('send | receive on %d columns', (columns) => {
  test('shows one progress line at a time, and then one closing line', async () => {
    const terminal = await openTerminal(columns);
    const command = await startTransfer(terminal, 'ctxsync receive out');
    const seen = new Set<string>();
    await until('progress was seen ten times', () => {
      const [first, ...lines] = terminal.screen();
      expect(first).toBe(command);
      expect(lines.length).toBeLessThanOrEqual(1);
      for (const line of lines) {
        expect(line).toMatch(PROGRESS);
        expect(line.length).toBeLessThan(columns);
        seen.add(line);
      }
      expect(terminal.cursor().visible).toBe(true);
      return seen.size >= 10;
    });

    await finish(terminal);
    const lines = terminal.screen().slice(1);
    expect(lines).toEqual([expect.stringMatching(RECEIVED), 'status 0', PROMPT]);
    expectPromptIntact(terminal);
  });

  test('keeps both sides readable when the receiver reports a stall', async () => {
    const terminal = await openTerminal(columns);
    const command = await startTransfer(terminal, 'ctxsync receive out --stall-after 3s');
    await until('the stall is said', () => terminal.screen().some((line) => STALLED.test(line)));
    await until('the spinner is below it', () => SPINNER.test(terminal.screen().at(-1) ?? ''));
    const [first, stalled, progress, ...rest] = terminal.screen();
    expect([first, stalled, progress]).toEqual([
      command,
      expect.stringMatching(STALLED),
      expect.stringMatching(PROGRESS),
    ]);
    expect(rest).toEqual([]);

    await finish(terminal);
    const lines = terminal.screen().slice(1);
    expect(lines.toSorted()).toEqual([
      expect.stringMatching(RECEIVED),
      expect.stringMatching(/^ctxsync receive: resumed after [1-9]\d*s$/),
      expect.stringMatching(STALLED),
      PROMPT,
      'status 0',
    ]);
    expectPromptIntact(terminal);
  });

  test('ends on Ctrl-C with one line of each side, and no stage is left', async () => {
    const terminal = await openTerminal(columns);
    const out = join(terminal.directory, 'out');
    await startTransfer(terminal, 'ctxsync receive out');
    await until('the transfer is in its middle', () => {
      const progress = terminal.screen().at(-1) ?? '';
      return PROGRESS.test(progress) && existsSync(out) && readdirSync(out).length > 0;
    });
    terminal.press('C-c');
    await until('the prompt is back', () => terminal.screen().at(-1) === PROMPT);
    const lines = terminal.screen().filter((line) => line.startsWith('ctxsync '));
    expect(lines.toSorted()).toEqual([
      // The source may end first.
      expect.stringMatching(/^ctxsync receive: error: .*(?:interrupted|tar on stdin ends)/),
      expect.stringMatching(/^ctxsync send: error: /),
    ]);
    expect(terminal.screen().filter((line) => SPINNER.test(line))).toEqual([]);
    expect(existsSync(out)).toBe(false);
    expectPromptIntact(terminal);
  });
});

test.skipIf(why !== undefined)('the receiver shows progress when the sender is quiet', async () => {
  const terminal = await openTerminal(80);
  await startTransfer(terminal, 'ctxsync receive out', ['--quiet']);
  await until('its progress is shown', () => / receiving · /.test(terminal.screen().at(-1) ?? ''));
  expect(terminal.screen().at(-1)).toMatch(PROGRESS);
  await finish(terminal);
  expect(terminal.screen().slice(1)).toEqual([expect.stringMatching(RECEIVED), 'status 0', PROMPT]);
});

/** Types `<slow source> | ctxsync send - | <receive>`. Returns the line as it appears. */
async function startTransfer(
  terminal: Terminal,
  receive: string,
  sendOptions: string[] = [],
): Promise<string> {
  const { directory } = terminal;
  const tar = await recordTar();
  const half = tar.length / 2;
  writeFileSync(join(directory, 'half-1'), tar.subarray(0, half));
  writeFileSync(join(directory, 'half-2'), tar.subarray(half));
  writeFileSync(join(directory, 'source'), SOURCE);
  const line = `sh source | ${['ctxsync send -', ...sendOptions].join(' ')} | ${receive}; echo "status $?"`;
  terminal.type(line);
  return `${PROMPT} ${line}`;
}

async function finish(terminal: Terminal): Promise<void> {
  writeFileSync(join(terminal.directory, 'go'), '');
  await until('the prompt is back', () => terminal.screen().at(-1) === PROMPT);
}

/** The next input appears after the prompt, and is visible. */
function expectPromptIntact(terminal: Terminal): void {
  const { visible, column, row } = terminal.cursor();
  expect(visible).toBe(true);
  expect(column).toBe(PROMPT.length + 1);
  expect(terminal.rows()[row]).toBe(PROMPT);
}

function recordTar(): Promise<Buffer> {
  return withDirectory(async (context) => {
    for (let i = 0; i < FILES; i++) writeFileSync(join(context, `file-${i}`), `content ${i}`);
    const input = await recordSend([context]);
    return (await run(['receive', '-'], { input })).stdout;
  });
}
