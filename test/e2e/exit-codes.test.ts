import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BIN, pipeline, recordSend, run } from '../helpers/cli/cli.ts';
import {
  expectExit,
  expectFailure,
  expectUntouched,
  withScene,
  workNames,
} from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

// The exit statuses of README.md: 0, 1 and 2 here, all others in the files beside this one.

interface Report {
  exitCode: number;
  result: string;
  side: string;
  error?: { code: string; message: string; path?: string };
  failed: { count: number; paths: { path: string }[] };
  entries: number;
  bytes: number;
  digest?: string;
}

function readReport(path: string): Report {
  return JSON.parse(readFileSync(path, 'utf8')) as Report;
}

test('0: both sides succeed when the context is in place, and no stage or lock is left', () =>
  withScene(async ({ context, out }) => {
    const { send, receive } = await pipeline([context], [out]);
    expectExit(send, 0);
    expectExit(receive, 0);
    expect(treeState(out, { root: false })).toMatchObject(treeState(context, { root: false }));
    expect(readFileSync(join(out, 'kept.txt'), 'utf8')).toBe('kept');
    expect(workNames(out)).toEqual([]);
  }));

test('0: an empty context is sent, with a warning', () =>
  withScene(async ({ directory, out }) => {
    mkdirSync(join(directory, 'empty'));
    const { send, receive } = await pipeline([join(directory, 'empty')], [out]);
    expect(send.code).toBe(0);
    expect(send.stderr).toMatch('warning: the context is empty');
    expect(receive.code).toBe(0);
  }));

test.each([
  ['help', ['help'], 'Commands:'],
  ['--help', ['--help'], 'Commands:'],
  ['help send', ['help', 'send'], 'Usage: ctxsync send'],
  ['receive --help', ['receive', '--help'], 'Usage: ctxsync receive'],
  ['help help', ['help', 'help'], 'Usage: ctxsync help'],
  ['--version', ['--version'], /^\d+\.\d+\.\d+$/m],
])('0: %s prints to stdout', async (_, args, words) => {
  const { code, stdout, stderr } = await run(args);
  expectExit({ code, stderr }, 0);
  expect(stdout.toString()).toMatch(words);
  expect(stderr).toBe('');
});

test('2: ctxsync without a command prints the help to stderr', async () => {
  const { code, stdout, stderr } = await run([]);
  expectFailure({ code, stderr }, 2, 'Usage: ctxsync', 'Commands:');
  expect(stdout.length).toBe(0);
});

test('0: a --report that cannot be written does not fail a finished transfer', () =>
  withScene(async ({ context, out }) => {
    const report = ['--report', '/dev/full'];
    const { send, receive } = await pipeline([context], [...report, out]);
    expect(send.code).toBe(0);
    expectExit(receive, 0);
    expect(receive.stderr).toMatch(/warning: --report \/dev\/full: .*ENOSPC/);
    expect(treeState(out, { root: false })).toMatchObject(treeState(context, { root: false }));
  }));

test.each([
  ['an unknown option', ['send', '--no-such-option', '.'], /unknown option '--no-such-option'/],
  ['an unknown command', ['sned', '.'], /unknown command 'sned'/],
  ['help on an unknown command', ['help', 'sned'], /unknown command 'sned'/],
  ['no context', ['send'], /missing required argument 'context'/],
  ['no OUT', ['receive'], /missing required argument 'out'/],
  ['two OUTs', ['receive', 'a', 'b'], /too many arguments/],
  ['a bad duration', ['send', '--stall-timeout', '5 years', '.'], /5 years.*10s or 5m/s],
  ['a duration without unit', ['receive', '--stall-after', '5', '.'], /'5'.*10s or 5m/s],
  ['a bad size', ['receive', '--max-bytes', '10XB', '.'], /10XB.*10MB or 2GiB/s],
  ['a bad count', ['receive', '--max-entries', '1.5', '.'], /1\.5.*whole number/s],
  ['an unknown progress mode', ['send', '--progress', 'loud', '.'], /loud.*tty, plain, json/s],
])('2: the error for %s names what is wrong and how to learn more', async (_, args, words) => {
  const { code, stdout, stderr } = await run(args);
  expectFailure({ code, stderr }, 2, words, '--help');
  expect(stdout.length).toBe(0);
});

test.each([
  ['an empty context', ['send', ''], 'a context is empty; name a directory'],
  ['an empty OUT', ['receive', ''], 'OUT is empty; name a directory'],
  ['two contexts without a name', ['send', 'a', 'b'], 'give all but one a name: name=directory'],
  ['two contexts of one name', ['send', 'x=a', 'x=b'], 'several contexts are named x'],
  ['a name without a directory', ['send', 'x='], '"x=" is not of the form name=directory'],
  ['a name that leaves OUT', ['send', '..=a'], '".." cannot be the name of a directory in OUT'],
  ['a named tar', ['send', 'x=-'], 'a tar on stdin cannot have a name; use "-"'],
  ['--delete of a tar', ['receive', '--delete', '-'], '--delete is for a directory'],
])('2: the error for %s suggests what to do instead', async (_, args, words) => {
  const { code, stdout, stderr } = await run(args);
  expectFailure({ code, stderr }, 2, words);
  expect(stdout.length).toBe(0);
});

test.each([
  ['send', '"$1"', '"ctxsync receive"'],
  ['receive', '- < "$2"', 'whatever reads a tar'],
])('2: %s fails when its stdout is closed', (command, args, reader) =>
  withScene(async ({ directory, context }) => {
    const stream = join(directory, 'stream');
    writeFileSync(stream, await recordSend([context]));
    const script = `"$NODE" "$BIN" ${command} ${args} >&-`;
    const env = { ...process.env, NODE: process.execPath, BIN };
    const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', context, stream], {
      env,
      encoding: 'utf8',
    });
    expectFailure({ code: status, stderr }, 2, 'stdout is closed; pipe it into', reader);
  }),
);

test.each<[string, string[], string, string | RegExp, (string | RegExp)?]>([
  // The text of an ignore file stays with the sender.
  ['a bad ignore file', ['.dockerignore'], '*.log\n\n[b-a]\n', /\.dockerignore:3: .*\[b-a\]/, ''],
  ['a lone exclamation mark', ['.dockerignore'], '!\n', /\.dockerignore:1: illegal exclusion/, ''],
  ['a bad pattern of --exclude', ['--exclude', 'a['], '', /--exclude: syntax error.*"a\["/, ''],
  ['a missing --ignore-file', ['--ignore-file', '/no/rules'], '', '/no/rules: no such file'],
  ['a missing Dockerfile', ['-f', '/no/Dockerfile'], '', '/no/Dockerfile: no such file'],
])(
  '2: %s stops both sides before anything is committed',
  (_, options, ignored, words, told = words) =>
    withScene(async (sandbox) => {
      const { context, out } = sandbox;
      writeFileSync(join(context, '.dockerignore'), ignored);
      const args = options[0] === '.dockerignore' ? [] : options;
      const { send, receive } = await pipeline([...args, context], [out]);
      expectFailure(send, 2, words);
      expectFailure(receive, 9, 'the sender failed', told);
      expectUntouched(sandbox);
    }),
);

test.each([
  ['send -', 'a tar'],
  ['receive OUT', 'the output of "ctxsync send"'],
  ['send --ignore-file - CONTEXT', 'the ignore rules'],
])('2: the stdin of %s cannot be a directory', (command, what) =>
  withScene((sandbox) => {
    const line = command.replace('CONTEXT', sandbox.context).replace('OUT', sandbox.out);
    const { status, stderr } = spawnSync('sh', ['-c', `${BIN} ${line} < / | cat`], {
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(stderr).toMatch(`error: stdin is a directory; pipe ${what} into it`);
    expectUntouched(sandbox);
  }),
);

test.each(['--version', '--help', 'send --help', 'help'])(
  '2: %s fails when stdout is closed',
  (args) => {
    const { status, stderr } = spawnSync('sh', ['-c', `${BIN} ${args} >&-`], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 2, stderr: 'error: stdout is closed\n' });
  },
);

test('7: a reader that reads only the start of stdout is not called a peer', () =>
  withScene(async ({ context }) => {
    writeFileSync(join(context, 'big'), Buffer.alloc(1024 * 1024));
    const script = `{ ${BIN} send ${context}; echo $? >&2; } | head -c 1`;
    const { stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
    expect(stderr).toBe(
      'ctxsync send: error: the reader of stdout closed it before everything was written\n7\n',
    );
  }));

test.each([
  ['tar', 'a tar'],
  ['tar -z', 'gzip data'],
])('6: a raw %s in stdin is named as such, and what sends it', (tar, kind) =>
  withScene((sandbox) => {
    const script = `${tar} -c ${sandbox.context} 2> /dev/null | ${BIN} receive ${sandbox.out}`;
    const { status, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
    const words = `what arrives is ${kind}, not the stream of a ctxsync sender`;
    expectFailure({ code: status, stderr }, 6, words, '"ctxsync send -" sends a tar from stdin');
    expectUntouched(sandbox);
  }),
);

test('4: a full disk behind stdout is reported as such, and not as a lost peer', () =>
  withScene(async ({ context }) => {
    const { status, stderr } = spawnSync('sh', ['-c', `${BIN} send ${context} > /dev/full`], {
      encoding: 'utf8',
    });
    expectFailure({ code: status, stderr }, 4, 'cannot write to stdout: no space left on device');
  }));

/** Runs first in each process; it names a descriptor below 3 that is closed. */
const WATCH_CLOSE = `
const fs = require('node:fs');
for (const name of ['close', 'closeSync']) {
  const original = fs[name];
  fs[name] = (fd, ...rest) => {
    if (fd < 3) fs.writeSync(2, 'closed ' + fd);
    return original(fd, ...rest);
  };
}`;

test.each([
  ['send CONTEXT > /dev/full', 4],
  ['send CONTEXT > file', 0],
  ['receive OUT < CONTEXT/app.js', 6],
  ['receive OUT < stream', 0],
  ['receive - < stream > /dev/full', 4],
])('%s closes no standard stream, whose number the next file would get', (command, code) =>
  withScene(async ({ directory, context, out }) => {
    writeFileSync(join(directory, 'stream'), await recordSend([context]));
    writeFileSync(join(directory, 'watch.cjs'), WATCH_CLOSE);
    writeFileSync(join(context, 'app.js'), 'not a stream');
    const line = command.replace('CONTEXT', context).replace('OUT', out);
    const { status, stderr } = spawnSync('sh', ['-c', `${BIN} ${line}`], {
      cwd: directory,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: `--require=${join(directory, 'watch.cjs')}` },
    });
    expectExit({ code: status, stderr }, code);
    expect(stderr).not.toContain('closed');
  }),
);

test('2: a --report that cannot be opened stops a side before it changes anything', () =>
  withScene(async ({ directory, context }) => {
    const report = join(directory, 'missing', 'report.json');
    const out = join(directory, 'new');
    const { send, receive } = await pipeline(
      ['--report', report, context],
      ['--report', report, out],
    );
    expectFailure(send, 2, `--report ${report}: no such file or directory (ENOENT)`);
    expectFailure(receive, 2, `--report ${report}: no such file or directory (ENOENT)`);
    expect(existsSync(out)).toBe(false);
  }));

test('--report of a success has the result, exit code, counts, and the same digest on both sides', () =>
  withScene(async ({ directory, context, out }) => {
    const [sent, received] = [join(directory, 'sent.json'), join(directory, 'received.json')];
    await pipeline(['--report', sent, context], ['--report', received, out]);
    for (const [side, path] of [
      ['sender', sent],
      ['receiver', received],
    ] as const) {
      const report = readReport(path);
      expect(report).toMatchObject({ side, exitCode: 0, result: 'done', entries: 5, bytes: 14 });
      expect(report).not.toHaveProperty('error');
      expect(report.failed.count).toBe(0);
    }
    expect(readReport(sent).digest).toMatch(/^[0-9a-f]{64}$/);
    expect(readReport(received).digest).toBe(readReport(sent).digest);
  }));

test('--report of a failure has the result, exit code, error code and path', () =>
  withScene(async ({ directory, context, out }) => {
    const report = join(directory, 'received.json');
    await pipeline([context], ['--report', report, '--max-bytes', '5', out]);
    expect(readReport(report)).toMatchObject({
      exitCode: 5,
      result: 'failed',
      error: { code: 'over-limit', path: 'web/app.js' },
      failed: { count: 1, paths: [{ path: 'web/app.js' }] },
    });
  }));

test('--report is also written for a run that did not even begin', () =>
  withScene(async ({ directory }) => {
    const report = join(directory, 'sent.json');
    const { code } = await run(['send', '--report', report, 'a', 'b']);
    expect(code).toBe(2);
    expect(readReport(report)).toMatchObject({
      exitCode: 2,
      result: 'failed',
      error: { code: 'usage' },
    });
  }));
