import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explain, explainPaths } from 'ctxsync';
import { describe, expect, test } from 'vitest';
import { BIN, pipeline, run, startInTest, type Outcome } from '../helpers/cli/cli.ts';
import { expectDone } from '../helpers/cli/expect-done.ts';
import { hangingMount, whyNoMounts } from '../helpers/disk/hanging-mount.ts';
import { directoryInTest } from '../helpers/trees/directory-in-test.ts';
import { expectExit, expectFailure, unprivileged, writeTree } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\n';
const RULES = 'node_modules\n*.log\n!keep.log\n';

/** A context as people forget rules in it. */
function makeContext(): string {
  return directoryInTest((root) =>
    writeTree(root, {
      'src/app.js': 'app()',
      'debug.log': 'x'.repeat(1_000),
      'keep.log': 'kept',
      'node_modules/left-pad/index.js': 'x'.repeat(2_000),
      'packages/web/node_modules/react/index.js': 'x'.repeat(300_000),
      'deploy/id_ed25519': KEY,
      '.dockerignore': RULES,
    }),
  );
}

describe('ctxsync explain', () => {
  test('shows what is sent, what is ignored by which rule, and what looks wrong', async () => {
    const context = makeContext();
    const { code, stdout, stderr } = await run(['explain', context]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = stdout.toString();
    expect(report).toContain(
      `${context}\n  11 entries, 300 kB would be sent\n  4 entries, 3.00 kB ignored\n`,
    );
    expect(report).toMatch(/^ {3}300 kB {2}99% [█#]+ +2 {2}packages\/web\/node_modules$/m);
    expect(report).toMatch(/^ -2\.00 kB {2}66% [█#]+ +3 {2}line 1 {2}node_modules$/m);
    expect(report).toMatch(/^ {5}\+4 B +<1% +1 {2}line 3 {2}!keep\.log$/m);
    expect(report).toContain('write\n    "**/node_modules" for any depth');
    expect(report).toContain('a private key (deploy/id_ed25519)');
    expect(widest(report)).toBeLessThanOrEqual(80);
  });

  test('leads to a context without what was forgotten', async () => {
    const context = makeContext();
    writeFileSync(join(context, '.dockerignore'), '**/node_modules\n*.log\ndeploy\n');
    const [explained] = await json(['explain', context]);
    expect(explained).toMatchObject({ sent: { entries: 5 }, hints: [], findings: [] });
  });

  test('prints JSON of the same for programs', async () => {
    const [explained] = await json(['explain', makeContext(), '--top', '1']);
    expect(explained).toMatchObject({
      name: '',
      sent: { entries: 11 },
      leftOut: { entries: 4, bytes: 3_000 },
      measured: 'all',
      largestFiles: [{ path: 'packages/web/node_modules/react/index.js', bytes: 300_000 }],
      rules: [
        { rule: 'node_modules', line: 1, effect: 'decides', leftOut: { entries: 3, bytes: 2_000 } },
        { rule: '*.log', line: 2, leftOut: { entries: 1, bytes: 1_000 } },
        { rule: '!keep.log', line: 3, exception: true, kept: { entries: 1, bytes: 4 } },
      ],
      hints: [{ kind: 'root-only', line: 1 }],
      findings: [{ kind: 'private-key' }, { kind: 'dependencies' }],
    });
  });

  test('explains a path by the rules that touch it', async () => {
    const context = makeContext();
    const paths = ['keep.log', 'node_modules', 'gone.log'].flatMap((path) => ['--path', path]);
    const { code, stdout } = await run(['explain', context, ...paths]);
    expect(code).toBe(0);
    expect(stdout.toString()).toBe(
      `keep.log (a file, 4 B)
  sent because of "!keep.log" (.dockerignore:3)
  rules that touch it, in order:
    .dockerignore:2  *.log  (matches keep.log)
    .dockerignore:3  !keep.log  <- decides

node_modules (a directory)
  ignored by "node_modules" (.dockerignore:1)
  in it: 2 entries, 2.00 kB ignored
  a transfer does not look into it
  rules that touch it, in order:
    .dockerignore:1  node_modules  <- decides

gone.log (not there)
  would be ignored by "*.log" (.dockerignore:2)
  rules that touch it, in order:
    .dockerignore:2  *.log  (matches gone.log)  <- decides
`,
    );
  });

  test('takes a path as the shell completes it, and the rules of options', async () => {
    const context = makeContext();
    const options = ['--exclude', 'src', '--path', join(context, 'src/app.js'), '--json'];
    const [explained] = await json(['explain', context, ...options]);
    expect(explained).toMatchObject({
      paths: [
        { path: 'src/app.js', verdict: 'ignored', rules: [{ source: '--exclude', rule: 'src' }] },
      ],
    });
    const here = await json(['explain', '.', '--path', 'src'], { cwd: context });
    expect(here).toMatchObject([{ paths: [{ path: 'src', verdict: 'sent' }] }]);
  });

  test('says that a path is not in the context', async () => {
    const explained = await run(['explain', makeContext(), '--path', '/etc/hosts']);
    expectFailure(explained, 2, 'error: /etc/hosts is not in the context ');
  });

  test('reports what cannot be read, and goes on', async () => {
    const context = makeContext();
    chmodSync(join(context, 'src'), 0);
    const { code, stdout } = await run(['explain', context], unprivileged(context));
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(
      /Cannot be read, so a transfer fails\n {2}cannot open the directory src: permission denied/,
    );
  });

  test('is no failure if its reader leaves early', () => {
    const script = '"$NODE" "$BIN" explain "$1" --list | head -n 1';
    const { status, stdout, stderr } = spawnSync(
      'bash',
      ['-o', 'pipefail', '-c', script, 'bash', join(import.meta.dirname, '../..')],
      { encoding: 'utf8', env: { ...process.env, NODE: process.execPath, BIN } },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^sent\t/);
  });
});

describe('ctxsync explain --list', () => {
  test('says of every path what a transfer does with it', async () => {
    const context = makeContext();
    mkdirSync(join(context, 'empty'));
    const out = directoryInTest();
    expectDone(await pipeline([`a=${context}`, `b=${context}`, '--exclude', 'src'], [out]));
    const names = [`a=${context}`, `b=${context}`];
    const { code, stdout } = await run(['explain', ...names, '--exclude', 'src', '--list']);
    expect(code).toBe(0);
    const lines = stdout.toString().trimEnd().split('\n');
    const sent = lines.flatMap((line) => /^sent\t[^\t]*\t(.*)$/.exec(line)?.[1] ?? []);
    const received = Object.entries(treeState(out))
      .filter(([path]) => !['', 'a', 'b'].includes(path))
      .map(([path, state]) => (state.startsWith('directory') ? `${path}/` : path));
    expect(sent.toSorted()).toEqual(received.toSorted());
    expect(lines).toContain('ignored\t--exclude:src\tb/src/app.js');
    expect(lines).toContain(
      'ignored\t.dockerignore:1:node_modules\ta/node_modules/left-pad/index.js',
    );
  });

  test('ends lines with NUL and keeps names byte for byte with -0', async () => {
    const context = directoryInTest((root) => {
      writeFileSync(Buffer.from(`${root}/caf\xe9`, 'latin1'), '');
      writeFileSync(join(root, 'two\nlines'), '');
    });
    const { stdout } = await run(['explain', context, '--list', '-0']);
    expect(stdout.toString('latin1')).toBe('sent\t\tcaf\xe9\0sent\t\ttwo\nlines\0');
    const text = await run(['explain', context, '--list']);
    expect(text.stdout.toString()).toBe('sent\t\tcaf\\xe9\nsent\t\ttwo\\x0alines\n');
  });
});

describe('ctxsync send --dry-run', () => {
  test('shows what would be sent, without a look into ignored directories, and sends nothing', async () => {
    const context = makeContext();
    const { code, stdout, stderr } = await run(['send', '--dry-run', context]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.toString()).toContain(
      '11 entries, 300 kB would be sent\n  2 entries, 1.00 kB ignored (ignored directories not looked into)',
    );
  });

  test('ends as the transfer would where something cannot be read', async () => {
    const context = makeContext();
    chmodSync(join(context, 'src'), 0);
    const { code, stdout } = await run(['send', '-n', context], unprivileged(context));
    expect(code).toBe(3);
    expect(stdout.toString()).toContain('Cannot be read, so a transfer fails');
  });
});

describe('a transfer warns', () => {
  test('once of all that is rarely meant to be sent', async () => {
    const out = directoryInTest();
    const { send, receive } = await pipeline([makeContext()], [out]);
    expectDone({ send, receive });
    expect(send.stderr.split('\n').filter((line) => line.includes('warning'))).toEqual([
      'ctxsync send: warning: the context holds a private key (deploy/id_ed25519), installed dependencies (packages/web/node_modules, 300 kB) ("ctxsync explain" tells more)',
    ]);
  });

  test('also of what has not changed, and of a context that is larger than a given size', async () => {
    const [context, out] = [makeContext(), directoryInTest()];
    const send = ['send', context, '--warn-above', '1kB', '--exclude', 'deploy'];
    for (const _ of ['first', 'again']) {
      const peer = ['--', process.execPath, BIN, 'receive', out];
      const sent = await run([...send, '--exclude', '**/node_modules/**', ...peer]);
      expectExit(sent, 0);
      expect(sent.stderr).not.toContain('warning');
      const more = await run([...send, '--exclude', '**/node_modules/*.js', ...peer]);
      expectExit(more, 0);
      expect(more.stderr).toMatch(
        /warning: the context holds installed dependencies \(packages\/web\/node_modules, 300 kB\); the context is large: 300 kB \(packages\/web\/node_modules 300 kB, /,
      );
    }
  });

  test('or refuses, if it is to be strict: then nothing is received', async () => {
    const out = join(directoryInTest(), 'out');
    const { send, receive } = await pipeline([makeContext(), '--strict'], [out]);
    const message = /the context holds a private key: deploy\/id_ed25519 \(without "send --strict"/;
    expectFailure(send, 5, message);
    expectFailure(receive, 9, message);
    expect(() => readdirSync(out)).toThrow(/ENOENT/);
    expectExit(await run(['explain', makeContext(), '--strict']), 5);
    expectExit(await run(['send', '--dry-run', '--strict', makeContext()]), 5);
  });
});

describe('a command line that makes no sense is refused', () => {
  test.each([
    [['explain', '-'], 'a tar ("-") is sent as it is'],
    [['explain', '.', '--list', '--path', 'x'], '--list and --path cannot be combined'],
    [['explain', '.', '--list', '--json'], '--list and --json cannot be combined'],
    [['explain', '.', '-0'], '--null only applies with --list'],
    [['explain', '.', '--list', '--strict'], '--strict is about the context as a whole'],
    [['explain', '.', '--top', '1001'], '--top can be 1000 at most'],
    [['send', '-n', '.', '--socket', 'x'], '--dry-run asks no receiver; leave out --socket'],
    [['send', '-n', '.', '--', 'cat'], '--dry-run asks no receiver; leave out the command'],
    [['send', '-n', '.', '--report', 'x'], '"ctxsync explain --json" prints JSON'],
  ])('%j', async (args, message) => {
    const cwd = directoryInTest();
    expectFailure(await run(args, { cwd }), 2, message);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('and so are a context that is not there, and a bad ignore file', async () => {
    expectFailure(await run(['explain', '/no/such']), 3, 'the context /no/such cannot be opened');
    const context = directoryInTest((root) => writeFileSync(join(root, '.dockerignore'), 'a[\n'));
    expectFailure(
      await run(['explain', context]),
      2,
      /\.dockerignore:1: syntax error in pattern "a\["/,
    );
  });
});

describe('explain() of the library', () => {
  test('resolves to what --json prints', async () => {
    const context = makeContext();
    const contexts = [{ directory: context, name: 'web', ignore: { rules: ['deploy'] } }];
    const args = ['explain', `web=${context}`, '--exclude', 'deploy', '--json'];
    const printed = await json(args);
    const same = JSON.stringify(printed).replaceAll('"--exclude"', '"ignore.rules"');
    expect(JSON.parse(JSON.stringify(await explain({ contexts })))).toEqual(JSON.parse(same));
    expect(await explainPaths({ contexts }, ['deploy'])).toMatchObject([
      { name: 'web', directory: context, paths: [{ path: 'deploy', verdict: 'ignored' }] },
    ]);
  });

  test('ends when it is aborted, and refuses what it cannot do', async () => {
    const contexts = [{ directory: makeContext() }];
    const signal = AbortSignal.abort();
    await expect(explain({ contexts, signal })).rejects.toMatchObject({ code: 'interrupted' });
    await expect(explain({ contexts: [] })).rejects.toMatchObject({ code: 'usage' });
    await expect(explain({ contexts, largest: 1_001 })).rejects.toMatchObject({ code: 'usage' });
  });
});

const why = whyNoMounts();
// Prints the reason, because the report only counts skipped tests.
if (why !== undefined) process.stderr.write(`part of explain.test.ts is skipped: ${why}\n`);

test.skipIf(why !== undefined)(
  'when the disk hangs, ctxsync explain says so, and Ctrl-C ends it',
  async () => {
    const mount = await hangingMount((directory) => writeTree(directory, { 'a/b/c': 'x' }));
    await mount.hang();
    const explained = startInTest(['explain', mount.path, '--stall-after', '1s']);
    await until('the stall is said', () => explained.said().includes('stalled'));
    expect(explained.said()).toMatch(
      /^ctxsync explain: stalled 1s: scanning \S+mount \(disk not answering\)$/m,
    );
    explained.child.kill('SIGINT');
    await until('it says that it was interrupted', () =>
      explained.said().includes('error: interrupted'),
    );
    mount.goOn();
    await explained.done;
  },
);

interface Options {
  cwd?: string;
}

async function json(args: string[], options: Options = {}): Promise<Record<string, unknown>[]> {
  const outcome = await run(args.includes('--json') ? args : [...args, '--json'], options);
  expectExit(outcome, 0);
  return contextsOf(outcome);
}

function contextsOf({ stdout }: Outcome): Record<string, unknown>[] {
  return (JSON.parse(stdout.toString()) as { contexts: Record<string, unknown>[] }).contexts;
}

/** The most columns of a line that has no path of any length in it. */
function widest(report: string): number {
  const lines = report.split('\n').slice(1);
  return Math.max(...lines.map((line) => Array.from(line).length));
}
