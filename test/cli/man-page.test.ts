import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EXIT_MEANINGS } from '../../src/cli/exit-code.ts';
import { variableOf } from '../../src/cli/environment.ts';
import { createProgram } from '../../src/cli/program.ts';

// The build makes it.
const PAGE = fileURLToPath(new URL('../../dist/ctxsync.1', import.meta.url));
const PACKAGE = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');

/** The text without macros and escapes. */
const TEXT = readFileSync(PAGE, 'utf8')
  .replaceAll(/^\.(?:TP|PP|B|I|BR) ?/gm, '')
  .replaceAll(/\\f[BIR]|\\&/g, '')
  .replaceAll('\\-', '-')
  .replaceAll('\\e', '\\')
  .replaceAll(/\s+/g, ' ');

describe('the manual page', () => {
  test('is that of the package', () => {
    const { man } = JSON.parse(PACKAGE) as { man: string };
    expect(existsSync(new URL(`../../${man}`, import.meta.url))).toBe(true);
    expect(PAGE.endsWith(man.slice(1))).toBe(true);
  });

  test('has every option of every command with its description and its variable', () => {
    for (const command of createProgram(() => {}).commands) {
      const help = command.createHelp();
      for (const option of command.options) {
        const about = help.optionDescription(option).replaceAll(/\s+/g, ' ');
        expect(TEXT).toContain(`${option.flags} ${about}; ${variableOf(option)}`);
      }
    }
  });

  test('has the exit statuses', () => {
    for (const [status, meaning] of EXIT_MEANINGS) expect(TEXT).toContain(`${status} ${meaning}`);
  });

  test('has the recipes of the README as examples, and its words on the environment', () => {
    expect(TEXT).toContain('ctxsync send ./web -- ssh host ctxsync receive /srv/web');
    expect(TEXT).toContain(
      'Every option has a variable with its default: CTXSYNC_STALL_TIMEOUT=1m',
    );
  });

  const noMandoc = spawnSync('mandoc', ['-h']).error !== undefined;
  test.skipIf(noMandoc)(`has no fault${noMandoc ? ' (mandoc is not installed)' : ''}`, () => {
    const { stdout, stderr } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', PAGE], {
      encoding: 'utf8',
    });
    expect(stdout + stderr).toBe('');
  });
});
