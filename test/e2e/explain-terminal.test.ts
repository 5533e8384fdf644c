import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openTerminal, PROMPT, whyNoTerminals } from '../helpers/cli/terminal.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { until } from '../helpers/until.ts';

const why = whyNoTerminals();
// Prints the reason, because the report only counts skipped tests.
if (why !== undefined) process.stderr.write(`explain-terminal.test.ts is skipped: ${why}\n`);

describe.skipIf(why !== undefined).each([80, 120])('ctxsync explain on %d columns', (columns) => {
  test('wraps no line, and leaves nothing of its progress', async () => {
    const terminal = await openTerminal(columns);
    const path = `src/${'a-very-long-name/'.repeat(12)}app.js`;
    writeTree(join(terminal.directory, 'web'), {
      [path]: 'app',
      'dist/x': 'x',
      '.dockerignore': 'dist\n*.log # logs\n',
    });
    terminal.type('ctxsync explain web --top 2; echo "status $?"');
    await until('the prompt is back', () => terminal.screen().at(-1) === PROMPT);
    const rows = terminal.rows().filter((row) => row !== '');
    expect(rows.slice(2, 4)).toEqual([
      '  15 entries, 21 B would be sent',
      '  2 entries, 1 B ignored',
    ]);
    expect(rows).toContainEqual(expect.stringMatching(/^ {6}3 B {2}14% █+ +….*\/app\.js$/));
    expect(rows.slice(-2)).toEqual(['status 0', PROMPT]);
    // A line that wraps takes two rows, and is one line of the screen.
    expect(terminal.screen()).toEqual(rows);
  });
});
