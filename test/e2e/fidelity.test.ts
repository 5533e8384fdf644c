import { chmodSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pipeline, run } from '../helpers/cli/cli.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { makeExoticTree } from '../helpers/trees/exotic-tree.ts';
import {
  makeDirectory,
  removeDirectory,
  withDirectory,
} from '../helpers/trees/temporary-directory.ts';
import { unprivileged, withScene, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

const asRoot = process.getuid?.() === 0;

describe('a context arrives as it was sent', () => {
  let directory: string;
  let context: string;
  beforeAll(() => {
    directory = makeDirectory();
    context = join(directory, 'context');
    mkdirSync(context);
    makeExoticTree(context, { readable: !asRoot });
  });
  afterAll(() => removeDirectory(directory));

  it('with any names, times, modes, links, empty directories and sizes', async () => {
    const out = join(directory, 'out');
    const outcome = await pipeline([context], [out]);
    expectDone(outcome);
    expect(outcome.send.stderr + outcome.receive.stderr).not.toContain('warning');
    expect(treeState(out)).toEqual(treeState(context));
  });

  it('also with a umask of 077 or 0', async () => {
    for (const umask of [0o077, 0]) {
      const out = join(directory, `out-umask-${umask}`);
      const before = process.umask(umask);
      try {
        expectDone(await pipeline([context], [out]));
      } finally {
        process.umask(before);
      }
      expect(treeState(out)).toEqual(treeState(context));
    }
  });

  it('also when it is received over itself, with and without --delete', async () => {
    const out = join(directory, 'out-twice');
    for (const options of [[], ['--delete'], []]) {
      expectDone(await pipeline([context], [...options, out]));
      expect(treeState(out)).toEqual(treeState(context));
    }
  });

  it('also as one of several named contexts', async () => {
    const out = join(directory, 'out-named');
    expectDone(await pipeline([`one=${context}`, `two=${context}`], [out]));
    expect(treeState(join(out, 'one'))).toEqual(treeState(context));
    expect(treeState(join(out, 'two'))).toEqual(treeState(context));
    expect(readdirSync(out).toSorted()).toEqual(['one', 'two']);
  });

  it('also when it is given as a symlink or as "."', async () => {
    symlinkSync('context', join(directory, 'link'));
    const out = join(directory, 'out-link');
    expectDone(await pipeline([join(directory, 'link')], [out]));
    expect(treeState(out)).toEqual(treeState(context));
    expectDone(await pipeline(['.'], ['../out-dot'], { cwd: context }));
    expect(treeState(join(directory, 'out-dot'))).toEqual(treeState(context));
  });
});

describe('for a user who is not root', () => {
  it('everything arrives as well, including directories without write permission', async () => {
    await withDirectory(async (directory) => {
      const identity = unprivileged(directory);
      const context = join(directory, 'context');
      const out = join(directory, 'out');
      asNobody(directory, () => {
        mkdirSync(context);
        makeExoticTree(context, { readable: true });
      });
      for (const options of [[], ['--delete']]) {
        expectDone(await pipeline([context], [...options, out], identity));
        expect(treeState(out)).toEqual(treeState(context));
      }
    });
  });

  it('a context whose root is not writable arrives, also beside another', async () => {
    await withDirectory(async (directory) => {
      const context = join(directory, 'context');
      const out = join(directory, 'out');
      writeTree(context, { 'sub/file': 'x', file: 'x' });
      const identity = unprivileged(directory);
      chmodSync(context, 0o555);
      expectDone(await pipeline([context], [out], identity));
      expect(treeState(out)).toEqual(treeState(context));
      const both = join(directory, 'both');
      expectDone(await pipeline([context, `more=${context}`], [both], identity));
      expect(treeState(join(both, 'more'))).toEqual(treeState(context));
      expect(treeState(both)['']).toBe(treeState(context)['']);
    });
  });

  it('an unreadable file fails the transfer and is named, and nothing is left', async () => {
    await withScene(async ({ directory, context }) => {
      const identity = unprivileged(directory);
      chmodSync(join(context, 'web/app.js'), 0);
      const sent = await run(['send', context], identity);
      expect(sent.code).toBe(3);
      expect(sent.stderr).toContain('cannot read web/app.js: permission denied (EACCES)');
      const received = await run(['receive', join(directory, 'new')], {
        ...identity,
        input: sent.stdout,
      });
      expect(received.code).toBe(9);
      expect(received.stderr).toContain('cannot read web/app.js: permission denied (EACCES)');
      expect(readdirSync(directory).toSorted()).toEqual(['context', 'out']);
    });
  });
});

describe('when an entry cannot be sent as it is', () => {
  it('setuid and setgid are dropped, and stderr and --report name the files', async () => {
    await withDirectory(async (directory) => {
      const context = join(directory, 'context');
      writeTree(context, { 'bin/su': 'x', 'bin/sg': 'x', 'bin/plain': 'x' });
      chmodSync(join(context, 'bin/su'), 0o4755);
      chmodSync(join(context, 'bin/sg'), 0o2711);
      const report = join(directory, 'report.json');
      const outcome = await pipeline(['--report', report, context], [join(directory, 'out')]);
      expectDone(outcome);
      const state = treeState(join(directory, 'out'));
      expect(state['bin/su']).toMatch(/^file 755 /);
      expect(state['bin/sg']).toMatch(/^file 711 /);
      const reason = 'setuid and setgid are dropped';
      expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
        result: 'done',
        exitCode: 0,
        changed: {
          count: 2,
          paths: [
            { path: 'bin/sg', reason },
            { path: 'bin/su', reason },
          ],
        },
      });
      expect(outcome.send.stderr).toContain('2 entries not sent as they were: bin/sg (setuid');
    });
  });

  it('FIFOs are skipped, named, and never opened', async () => {
    await withDirectory(async (directory) => {
      const context = join(directory, 'context');
      writeTree(context, { 'run/file': 'x' });
      const fifo = join(context, 'run/fifo\n');
      execFileSync('mkfifo', [fifo]);
      const report = join(directory, 'report.json');
      const outcome = await pipeline(['--report', report, context], [join(directory, 'out')]);
      expectDone(outcome);
      expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
        skipped: { count: 1, paths: [{ path: 'run/fifo\\x0a', reason: 'a FIFO' }] },
      });
      expect(outcome.send.stderr).toContain('1 entry not sent: run/fifo\\x0a (a FIFO)');
      expect(Object.keys(treeState(join(directory, 'out')))).toEqual(['', 'run', 'run/file']);
    });
  });

  it('a context without files arrives as an empty directory, with a warning', async () => {
    await withDirectory(async (directory) => {
      mkdirSync(join(directory, 'context'));
      const outcome = await pipeline([join(directory, 'context')], [join(directory, 'out')]);
      expectDone(outcome);
      expect(outcome.send.stderr).toContain('warning: the context is empty');
      expect(treeState(join(directory, 'out'))).toEqual(treeState(join(directory, 'context')));
    });
  });
});
