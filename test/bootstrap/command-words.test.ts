import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { replaceProgram } from '../../src/bootstrap/command-words.ts';
import { firstStageWords } from '../../src/bootstrap/first-stage.ts';
import { captureError } from '../helpers/capture-error.ts';

describe('the word ctxsync in a command', () => {
  test.each([
    [
      ['ssh', 'host', 'ctxsync', 'receive', '/out'],
      ['ssh', 'host', 'node', '-e', '0', 'receive', '/out'],
    ],
    [
      ['ctxsync', 'receive', 'a b'],
      ['node', '-e', '0', 'receive', 'a b'],
    ],
    [
      ['ssh', 'h', 'cd /a && ctxsync receive .'],
      ['ssh', 'h', 'cd /a && node -e 0 receive .'],
    ],
    [
      ['sh', '-c', '(ctxsync receive a)'],
      ['sh', '-c', '(node -e 0 receive a)'],
    ],
    // What is not the program stays as it is.
    [
      ['docker', 'exec', '-i', 'ctxsync', 'ctxsync', 'receive', '/ctxsync'],
      ['docker', 'exec', '-i', 'ctxsync', 'node', '-e', '0', 'receive', '/ctxsync'],
    ],
  ])('is replaced in %j', (command, replaced) => {
    expect(replaceProgram(command, ['node', '-e', '0'])).toEqual(replaced);
  });

  test.each([
    [['ssh', 'host', '/opt/bin/ctxsync', 'receive', '/out']],
    [['ssh', 'host', 'my-ctxsync receive /out']],
    [['ssh', 'host', 'ctxsync', 'receiver']],
    [['ssh', 'ctxsync', 'receive', 'ctxsync receive a']],
  ])('must be there once: %j', (command) => {
    expect(captureError(() => replaceProgram(command, ['node'])).code).toBe('usage');
  });
});

describe('the words that start Node', () => {
  const words = firstStageWords();

  test('have no character that any shell changes', () => {
    expect(words.join('')).toMatch(/^[\w%./:,-]+$/);
    expect(words.join(' ').length).toBeLessThan(4_000);
  });

  const shells = ['sh', 'bash', 'dash', 'zsh', 'fish', 'csh', 'tcsh', 'ksh'].filter(
    (shell) => spawnSync(shell, ['-c', 'exit 0']).error === undefined,
  );
  test.each(shells)('come out of %s as they went in', (shell) => {
    const script = ['printf', "'%s,'", ...words].join(' ');
    const printed = execFileSync(shell, ['-c', script], { encoding: 'utf8' });
    expect(printed).toBe(`${words.join(',')},`);
  });
});
