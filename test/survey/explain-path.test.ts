import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { captureError } from '../helpers/capture-error.ts';
import { directoryInTest } from '../helpers/trees/directory-in-test.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { explained } from './survey-of.ts';

const RULES = '*\n!src\nsrc/*.tmp\n!**/keep.txt\n';

describe('a path is explained', () => {
  const root = (): string =>
    directoryInTest((directory) =>
      writeTree(directory, {
        'src/app.js': 'app',
        'src/x.tmp': '',
        'docs/keep.txt': 'k',
        'docs/other.txt': 'other',
        'logs/a.log': 'a',
      }),
    );

  it('by each rule that touches it: the last one decides', () => {
    expect(explained(root(), RULES, 'src/x.tmp')).toEqual({
      path: 'src/x.tmp',
      kind: 'file',
      size: 0,
      verdict: 'ignored',
      rules: [
        { source: '.dockerignore', line: 1, rule: '*', exception: false, matched: 'src' },
        { source: '.dockerignore', line: 2, rule: '!src', exception: true, matched: 'src' },
        {
          source: '.dockerignore',
          line: 3,
          rule: 'src/*.tmp',
          exception: false,
          matched: 'src/x.tmp',
        },
      ],
    });
  });

  it('that no rule touches', () => {
    expect(explained(root(), 'docs\n', 'src/app.js')).toMatchObject({ verdict: 'sent', rules: [] });
  });

  it('that is not there, as it would be decided', () => {
    const missing = explained(root(), RULES, 'gone/away/keep.txt');
    expect(missing).toMatchObject({
      verdict: 'sent',
      rules: [{ rule: '*' }, { rule: '!**/keep.txt' }],
    });
    expect(missing.kind).toBeUndefined();
    expect(explained(root(), RULES, 'gone.js').verdict).toBe('ignored');
  });

  it('that is a directory, with what is in it', () => {
    expect(explained(root(), RULES, 'src')).toMatchObject({
      kind: 'directory',
      verdict: 'sent',
      beneath: {
        entered: true,
        sent: { entries: 1, bytes: 3 },
        leftOut: { entries: 1, bytes: 0 },
        measured: 'all',
      },
    });
  });

  it('that is ignored and sent for what is in it', () => {
    const { verdict, rules, beneath } = explained(root(), RULES, 'docs/');
    expect({ verdict, decider: rules.at(-1)?.rule }).toEqual({ verdict: 'sent', decider: '*' });
    expect(beneath).toMatchObject({ sent: { entries: 1 }, exceptions: [{ rule: '!**/keep.txt' }] });
  });

  it('that is ignored and looked through in vain', () => {
    expect(explained(root(), RULES, 'logs')).toMatchObject({
      verdict: 'ignored',
      beneath: { entered: true, exceptions: [{ rule: '!**/keep.txt' }], leftOut: { entries: 1 } },
    });
  });

  it('in a directory that a transfer does not look into', () => {
    const directory = root();
    writeTree(directory, { 'node_modules/a/b/c': 'four', 'node_modules/z': 'not counted' });
    expect(explained(directory, 'node_modules\n!src/x\n', 'node_modules/a')).toMatchObject({
      verdict: 'ignored',
      beneath: { entered: false, exceptions: [], leftOut: { entries: 2, bytes: 4 } },
    });
  });

  it('that is the root', () => {
    expect(explained(root(), RULES, '.')).toMatchObject({
      path: '',
      verdict: 'sent',
      beneath: { sent: { entries: 4 }, leftOut: { entries: 4 } },
    });
  });
});

describe('a path that no rule decides', () => {
  it('is of a kind that is never sent', () => {
    const root = directoryInTest((directory) => execFileSync('mkfifo', [join(directory, 'pipe')]));
    expect(explained(root, '', 'pipe')).toMatchObject({ verdict: 'skipped', reason: 'a FIFO' });
  });

  it("is a receiver's own", () => {
    const root = directoryInTest((directory) => mkdirSync(join(directory, '.ctxsync-lock')));
    expect(explained(root, '', '.ctxsync-lock')).toMatchObject({
      verdict: 'skipped',
      kind: 'directory',
    });
  });

  it('lies beyond a symlink, which is not followed', () => {
    const root = directoryInTest((directory) => {
      writeTree(directory, { 'real/x': '' });
      symlinkSync('real', join(directory, 'link'));
    });
    expect(explained(root, '', 'link/x')).toMatchObject({
      verdict: 'skipped',
      reason: 'link is a symlink, which is sent as it is, and not what it leads to',
    });
    expect(explained(root, '', 'link')).toMatchObject({ verdict: 'sent', kind: 'symlink' });
  });
});

describe('a path may be given', () => {
  it.each(['./a/../a/b', 'a//b', 'a/b/'])('in any spelling: %s', (asked) => {
    const root = directoryInTest((directory) => writeTree(directory, { 'a/b': '' }));
    expect(explained(root, '', asked).path).toBe('a/b');
  });

  it('as an absolute one, also through a symlink to the context', () => {
    const root = directoryInTest((directory) => writeTree(directory, { 'context/a/b': '' }));
    const context = join(root, 'context');
    symlinkSync(context, join(root, 'link'));
    for (const start of [context, join(root, 'link')]) {
      expect(explained(context, '', join(start, 'a/b')).path).toBe('a/b');
      expect(explained(context, '', join(start, 'gone')).path).toBe('gone');
    }
    expect(explained(context, '', context).path).toBe('');
  });

  it('but not as one outside the context', () => {
    const root = directoryInTest((directory) => writeTree(directory, { 'context/a': '' }));
    for (const asked of ['/etc/hosts', '../x', '..', `${root}/contexts`]) {
      const error = captureError(() => explained(join(root, 'context'), '', asked));
      expect(error).toBeInstanceOf(CtxsyncError);
      expect(error).toMatchObject({ code: 'usage' });
    }
  });
});
