import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { run } from '../helpers/cli/cli.ts';
import { openTerminal, PROMPT, whyNoTerminals } from '../helpers/cli/terminal.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { until } from '../helpers/until.ts';

/** Why a shell cannot be tried here; undefined when it can. */
function whyNo(shell: string): string | undefined {
  return spawnSync(shell, ['--version']).error === undefined
    ? undefined
    : `${shell} is not installed`;
}

async function scriptFor(shell: string): Promise<string> {
  const { code, stdout } = await run(['completion', shell]);
  expect(code).toBe(0);
  return stdout.toString();
}

function linesOf(shell: string, cwd: string, script: string): string[] {
  const { stdout, stderr } = spawnSync(shell, ['-c', script], { cwd, encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

const FLAGS = createProgram(() => {}).commands.flatMap((command) =>
  command.options.map(({ long }) => [command.name(), long!] as const),
);

describe.each(['bash', 'zsh', 'fish'])('the script for %s', (shell) => {
  const why = whyNo(shell);
  test.skipIf(why !== undefined)(
    `is read without a complaint${why ? ` (${why})` : ''}`,
    async () => {
      const script = await scriptFor(shell);
      await withDirectory((directory) => {
        const file = join(directory, 'script');
        writeFileSync(file, script);
        const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      });
    },
  );

  test('has every option of every command', async () => {
    const script = await scriptFor(shell);
    for (const [, flag] of FLAGS) {
      expect(script).toMatch(
        shell === 'fish' ? ` -l ${flag.slice(2)} ` : new RegExp(`${flag}[ =['"]`),
      );
    }
  });
});

/** What is typed, and what is suggested; undefined: nothing, so that bash completes paths. */
const TYPED: [words: string[], suggested: string[] | undefined][] = [
  [['se'], ['send']],
  [['send', '--prog'], ['--progress']],
  [['send', '--progress', 'p'], ['plain']],
  [
    ['receive', '--max-'],
    ['--max-delete', '--max-bytes', '--max-entries'],
  ],
  [['receive', '--delet'], ['--delete']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['help', 'en'], ['environment']],
];

describe.skipIf(whyNo('bash') !== undefined)('bash', () => {
  test.each([
    ...TYPED,
    [
      ['send', '--progress', '='],
      ['auto', 'tty', 'plain', 'json', 'none'],
    ],
    [['send', '--progress', '=', 'j'], ['json']],
    [['send', '--ignore-file', ''], undefined],
    [['send', './w'], undefined],
    [['send', 'web', '--', 'cat', '--prog'], undefined],
  ] as typeof TYPED)('completes %j to %j', async (words, suggested) => {
    const typed = ['ctxsync', ...words];
    const script = `${await scriptFor('bash')}
      COMP_WORDS=(${typed.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
      _ctxsync; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(linesOf('bash', '/', script)).toEqual(suggested ?? []);
  });
});

describe.skipIf(whyNo('fish') !== undefined)('fish', () => {
  test.each(TYPED)('completes %j to %j', async (words, suggested) => {
    const script = `${await scriptFor('fish')}\ncomplete -C 'ctxsync ${words.join(' ')}'`;
    const found = linesOf('fish', '/', script).map((line) => line.replace(/\t.*/, ''));
    expect(found.toSorted()).toEqual(suggested?.toSorted());
  });

  test('completes the values of options, and contexts, to paths', () =>
    withDirectory(async (directory) => {
      mkdirSync(join(directory, 'web'));
      writeFileSync(join(directory, 'web.json'), '');
      const script = await scriptFor('fish');
      const complete = (line: string) =>
        linesOf('fish', directory, `${script}\ncomplete -C '${line}'`);
      expect(complete('ctxsync send --report w')).toEqual(['web.json', 'web/']);
      expect(complete('ctxsync receive w')).toEqual(['web/\tDirectory']);
    }));
});

const noTerminal = whyNo('zsh') ?? whyNoTerminals();

describe.skipIf(noTerminal !== undefined)(`zsh${noTerminal ? ` (${noTerminal})` : ''}`, () => {
  test('completes options, values, paths, and the command after "--"', async () => {
    const terminal = await openTerminal(80);
    mkdirSync(join(terminal.directory, 'website'));
    const start = `PS1='${PROMPT} ' zsh -f`;
    terminal.type(start);
    await until('zsh runs', () => terminal.screen().length === 2);
    terminal.type('autoload -U compinit; compinit -u; eval "$(ctxsync completion zsh)"; clear');
    await until('it is ready', () => terminal.screen().join() === PROMPT);
    for (const [typed, completed] of [
      ['ctxsync rece', 'ctxsync receive'],
      ['ctxsync send --progress pl', 'ctxsync send --progress plain'],
      ['ctxsync receive --max-en', 'ctxsync receive --max-entries'],
      ['ctxsync send --report=webs', 'ctxsync send --report=website/'],
      ['ctxsync send webs', 'ctxsync send website/'],
      ['ctxsync send website -- ctxsync rece', 'ctxsync send website -- ctxsync receive'],
    ] as const) {
      terminal.press('C-u');
      terminal.write(typed);
      terminal.press('Tab');
      await until(`${typed} is completed`, () =>
        (terminal.screen().at(-1) ?? '').startsWith(`${PROMPT} ${completed}`),
      );
    }
  });
});
