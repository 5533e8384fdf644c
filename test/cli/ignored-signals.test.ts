import { describe, expect, test } from 'vitest';
import { readIgnoredSignals } from '../../src/cli/ignored-signals.ts';

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;

function ignored(env: Record<string, string>): string[] {
  return SIGNALS.filter(readIgnoredSignals(env));
}

describe('signals that were ignored before Node started', () => {
  test.each([
    ['0000000000000000', []],
    ['0000000000000001', ['SIGHUP']],
    ['0000000001001006', ['SIGINT', 'SIGQUIT']],
    ['0000000000004000', ['SIGTERM']],
  ])('are read from the signal mask in /proc: %s', (mask, names) => {
    expect(ignored({ CTXSYNC_IGNORED: mask })).toEqual(names);
  });

  test.each([
    ['', []],
    ["trap -- '' SIGHUP\ntrap -- '' SIGINT", ['SIGHUP', 'SIGINT']],
    ["trap -- '' HUP", ['SIGHUP']],
    ["trap -- 'echo bye' SIGTERM", []],
  ])('are read from the output of the trap command of a shell: %j', (traps, names) => {
    expect(ignored({ CTXSYNC_IGNORED: traps })).toEqual(names);
  });

  test('are those of nohup when only the name of the previous command is known', () => {
    expect(ignored({ _: '/usr/bin/nohup' })).toEqual(['SIGHUP']);
    expect(ignored({ _: '/usr/bin/node' })).toEqual([]);
    expect(ignored({})).toEqual([]);
  });

  test('are not passed to the commands that ctxsync starts', () => {
    const env: Record<string, string> = { CTXSYNC_IGNORED: '0000000000000001', HOME: '/' };
    readIgnoredSignals(env);
    expect(env).toEqual({ HOME: '/' });
  });
});
