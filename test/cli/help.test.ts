import { readFileSync } from 'node:fs';
import { CommanderError, type Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES, EXIT_MEANINGS, SIGNAL_EXIT_CODES } from '../../src/cli/exit-code.ts';
import { createProgram } from '../../src/cli/program.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** Runs a command line that only prints. */
async function print(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  let [out, err, code] = ['', '', 2];
  const program = createProgram((exitCode) => (code = exitCode));
  for (const command of [program, ...program.commands]) {
    command.configureOutput({
      writeOut: (text) => (out += text),
      writeErr: (text) => (err += text),
      getOutHelpWidth: () => 80,
      getErrHelpWidth: () => 80,
    });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    code = error.exitCode === 0 ? 0 : 2;
  }
  return { out, err, code };
}

/** The cells of the README's tables below a heading: `a | b`, without backticks. */
function rowsBelow(heading: string): string[][] {
  const [, section = ''] = README.split(`\n## ${heading}\n`);
  const [table = ''] = section.split('\n## ');
  return table
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^[\s|-]*$/.test(line))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.replaceAll('`', '').trim()),
    );
}

const COMMANDS: Command[] = createProgram(() => {}).commands.filter(
  ({ options }) => options.length > 0,
);

describe.each(COMMANDS.map((command) => [command.name(), command] as const))(
  '%s',
  (name, command) => {
    test('has every option in its help, on lines of at most 80 columns, with examples', async () => {
      const { out, code } = await print(name, '--help');
      expect(code).toBe(0);
      for (const { flags } of command.options) expect(out).toContain(flags);
      expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
      expect(out).toMatch(/^Examples:\n {2}ctxsync /m);
      expect(out).toContain('"ctxsync help exit-status"');
    });

    test('has every option in the README, and in the help of the environment', async () => {
      const { out } = await print('help', 'environment');
      const documented = rowsBelow('Options').map(([first = '']) => first);
      for (const { long = '', short } of command.options) {
        const flag = short === undefined ? long : `${short}, ${long}`;
        expect(documented).toContainEqual(expect.stringMatching(`^${flag}( \\[?[A-Z]+\\]?)?$`));
        expect(out).toMatch(`  CTXSYNC_${long.slice(2).toUpperCase().replaceAll('-', '_')} `);
      }
    });

    test('has the defaults of its options in its help', async () => {
      const { out } = await print(name, '--help');
      const words = out.replaceAll(/\s+/g, ' ');
      for (const { defaultValue, defaultValueDescription, flags } of command.options) {
        if (defaultValue === undefined || typeof defaultValue === 'boolean') continue;
        const [, after = ''] = words.split(` ${flags} `);
        const [about = ''] = after.split(/ (?:-\w, )?--[a-z-]+ <| -q| -h/);
        expect(about).toContain(
          `default: ${defaultValueDescription ?? JSON.stringify(defaultValue)})`,
        );
      }
    });
  },
);

test('the help of send explains the command after "--"', async () => {
  const { out } = await print('send', '--help');
  expect(out).toMatch(/^ {2}-- command {2,}start this command, which runs the receiver/m);
});

describe('the exit statuses', () => {
  test('are the same in the README and in the help', async () => {
    expect(rowsBelow('Exit status').slice(1)).toEqual(EXIT_MEANINGS);
    const { out } = await print('help', 'exit-status');
    const text = out.replaceAll(/\s+/g, ' ');
    for (const [status, meaning] of EXIT_MEANINGS) expect(text).toContain(`${status} ${meaning}`);
  });

  test('all have a meaning', () => {
    const explained = EXIT_MEANINGS.flatMap(([status]) => status.split(', ').map(Number));
    for (const code of [...Object.values(EXIT_CODES), ...Object.values(SIGNAL_EXIT_CODES)]) {
      expect(explained).toContain(code);
    }
  });
});

describe('a mistake', () => {
  test.each([
    [['send', '--delete', 'x'], `'--delete': it is an option of "ctxsync receive"`, 'send'],
    [['receive', '--exclude', 'x'], `'--exclude': it is an option of "ctxsync send"`, 'receive'],
    [['--socket', 'x'], `it is an option of "ctxsync send" and "ctxsync receive"`, ''],
    [['serve'], `'serve': to keep receiving: "ctxsync receive --serve --socket PATH OUT"`, ''],
    [['version'], `'version': "ctxsync --version" prints the version`, ''],
    [['-v'], `'-v': "ctxsync --version" prints the version`, ''],
    [['send', '-v', 'x'], `'-v': "ctxsync --version" prints the version`, 'send'],
    [['send', '--stall-aftr', '1s', 'x'], '(Did you mean --stall-after?)', 'send'],
    [['send'], "missing required argument 'context'", 'send'],
    [['receive', '--max-bytes', 'x', 'o'], 'Write a size like 4096, 10MB or 2GiB.', 'receive'],
  ])('in %j is pointed out, and where the help is', async (args, words, command) => {
    const { err, code } = await print(...args);
    expect(code).toBe(2);
    expect(err).toContain(words);
    expect(err.trimEnd()).toMatch(
      new RegExp(`\\nSee "ctxsync${command === '' ? '' : ` ${command}`} --help"\\.$`),
    );
  });
});
