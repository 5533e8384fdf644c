import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PLAIN_LINE_MS } from '../../src/limits.ts';
import { BIN, pipeline, recordSend, run, type Outcome } from '../helpers/cli/cli.ts';
import { directoryInTest } from '../helpers/trees/directory-in-test.ts';
import { makeDirectory, removeDirectory } from '../helpers/trees/temporary-directory.ts';
import { eventsOf, startHeld } from '../helpers/cli/pausable-pipe.ts';
import { treeState } from '../helpers/trees/tree-state.ts';
import { until } from '../helpers/until.ts';

const CONTROL = /[^\P{Cc}\n]/u;
const COLOUR = '\u001b[3';
const RECEIVED = /^ctxsync receive: received 43 entries, .*\n$/;
const ALL = { after: Infinity };
const WORDLESS = [
  { name: '--progress none', mode: ['--progress', 'none'] },
  { name: '--quiet', mode: ['--quiet'] },
];
const JSON_MODE = ['--progress', 'json'];
/** Per 20 ms: a line of progress comes before the tar ends. */
const DROP_BYTES = 200;
const MIDDLE = { after: 100_000 };

let context: string;
let tar: Buffer;

beforeAll(async () => {
  // The environment of the test run must not influence the tests.
  for (const name of ['CI', 'GITHUB_ACTIONS', 'FORCE_COLOR', 'NO_COLOR']) delete process.env[name];
  context = makeDirectory();
  mkdirSync(join(context, 'sub'));
  writeFileSync(join(context, 'a.txt'), 'a');
  writeFileSync(join(context, 'sub', 'b.bin'), Buffer.alloc(300_000, 'b'));
  for (let i = 0; i < 40; i++) writeFileSync(join(context, `file-${i}`), `content ${i}`);
  tar = (await run(['receive', '-'], { input: await recordSend([context]) })).stdout;
});

afterAll(() => removeDirectory(context));

let out: string;
beforeEach(() => {
  out = join(directoryInTest(), 'out');
});

describe('when stderr is a log', () => {
  test('lines are appended, and progress is at most one line in five seconds', async () => {
    const { sent, received, elapsedMs } = await dripped(['--progress', 'auto']);
    expect([sent.code, received.code]).toEqual([0, 0]);
    expect(sent.stderr + received.stderr).not.toMatch(CONTROL);
    // A sender without a terminal may be remote, so the receiver prints progress, and the outcome.
    expect(sent.stderr).toBe('');
    const lines = received.stderr.split('\n').slice(0, -1);
    expect(lines.at(-1)).toMatch(/^ctxsync receive: received 43 entries, /);
    const progress = lines.filter((line) => line.startsWith('ctxsync receive: receiving, '));
    expect(progress.length).toBeGreaterThan(0);
    expect(progress.length).toBeLessThanOrEqual(elapsedMs / PLAIN_LINE_MS);
    for (const line of progress) {
      expect(line).toMatch(
        /receiving, [\d.]+ k?B, \d+ entr(?:y|ies), [\d.]+ k?B\/s(?:, [\w/.-]+)?$/,
      );
    }
  });

  test('in CI the sender shows progress, and the receiver prints only the end', async () => {
    const { sent, received } = await dripped([], { CI: 'true' });
    expect([sent.code, received.code]).toEqual([0, 0]);
    expect(sent.stderr + received.stderr).not.toMatch(CONTROL);
    expect(sent.stderr).toMatch(/^ctxsync send: sending, /m);
    expect(received.stderr).toMatch(RECEIVED);
  });

  test('a short run prints one line, as only the receiver knows the outcome', async () => {
    const { send, receive } = await pipeline([context], [out]);
    expect(send.stderr).toBe('');
    // On a busy machine no run is short.
    expect(receive.stderr.replaceAll(/^ctxsync receive: (?:receiving|committing)\n/gm, '')).toMatch(
      RECEIVED,
    );
  });
});

describe('the progress mode', () => {
  test('json prints only events of its side, and the last is the end', async () => {
    const { sender, receiver } = startHeld([context, ...JSON_MODE], [out, ...JSON_MODE], ALL);
    expect(await sender.done).toMatchObject({ code: 0 });
    expect(await receiver.done).toMatchObject({ code: 0 });
    for (const [started, side] of [
      [sender, 'sender'],
      [receiver, 'receiver'],
    ] as const) {
      const [first, ...events] = eventsOf(started);
      expect(first).toEqual({ type: 'start', version: 1 });
      expect(events[0]).toMatchObject({ type: 'phase', phase: 'preparing', side });
      expect(events.at(-1)).toMatchObject({ type: 'end', side, report: { result: 'done' } });
      expect(events.filter(({ type }) => type === 'end')).toHaveLength(1);
      expect(started.said().endsWith('\n')).toBe(true);
    }
  });

  test('json prints a failure as an event, and nothing else', async () => {
    const { code, stderr } = await run(['receive', out, ...JSON_MODE], {
      input: Buffer.from('Welcome!\n'),
    });
    expect(code).toBe(6);
    const last = stderr.trimEnd().split('\n').map(parse).at(-1);
    expect(last).toMatchObject({ type: 'end', report: { error: { code: 'not-ctxsync' } } });
  });

  test.each(WORDLESS)('$name prints nothing on success', async ({ mode }) => {
    const { send, receive } = await pipeline([context, ...mode], [out, ...mode]);
    expect([send, receive]).toEqual([
      { code: 0, stderr: '' },
      { code: 0, stderr: '' },
    ]);
    expect(treeState(out)).toEqual(treeState(context));
  });

  test.each(WORDLESS)('$name prints a failure', async ({ mode }) => {
    const { code, stderr } = await run(['send', join(context, 'missing'), ...mode]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^ctxsync send: error: .*missing.*\n$/);
  });

  test('--quiet hides stalls, and --progress none does not', async () => {
    const options = ['--stall-after', '1s', '--stall-timeout', '2s'];
    const quiet = startHeld(['-', '-q', ...options], [out, '-q', ...options], ALL);
    const none = ['--progress', 'none', ...options];
    const silent = startHeld(['-', ...none], [`${out}-2`, ...none], ALL);
    expect((await quiet.sender.done).stderr).toMatch(/^ctxsync send: error: gave up after .*\n$/);
    expect((await silent.sender.done).stderr).toMatch(/stalled 1s: .*\n.*error: gave up after/);
    await Promise.all([quiet.receiver.done, silent.receiver.done]);
  });

  test('changes no byte of the context', async () => {
    const outcomes: { tar: boolean; code: number | null }[] = [];
    for (const mode of ['json', 'plain', 'tty', 'none']) {
      const input = await recordSend([context, '--progress', mode]);
      const received = await run(['receive', '-', '--progress', mode], { input });
      outcomes.push({ tar: received.stdout.equals(tar), code: received.code });
    }
    expect(outcomes).toEqual(outcomes.map(() => ({ tar: true, code: 0 })));
  });
});

describe('the environment', () => {
  test.each([
    { env: {}, mode: 'plain', coloured: false },
    { env: { FORCE_COLOR: '1' }, mode: 'plain', coloured: true },
    { env: {}, mode: 'tty', coloured: true },
    { env: { NO_COLOR: '1' }, mode: 'tty', coloured: false },
    { env: { FORCE_COLOR: '0' }, mode: 'tty', coloured: false },
    { env: { FORCE_COLOR: '1', NO_COLOR: '1' }, mode: 'tty', coloured: true },
  ])('--progress $mode with $env: coloured $coloured', async ({ env, mode, coloured }) => {
    const { stderr } = await run(['receive', out, '--progress', mode], {
      input: await recordSend([context]),
      env: { ...process.env, ...env },
    });
    expect(stderr).toContain('received 43 entries');
    expect(stderr.includes(COLOUR)).toBe(coloured);
  });

  test('GITHUB_ACTIONS turns a stall into a ::warning:: and a failure into an ::error::', async () => {
    const options = ['--stall-after', '1s', '--stall-timeout', '2s'];
    const env = { ...process.env, GITHUB_ACTIONS: 'true' };
    const { sender } = startHeld(['-', ...options], [out, ...options], ALL, { env });
    const { code, stderr } = await sender.done;
    expect(code).toBe(8);
    expect(stderr).toMatch(
      /^::warning title=ctxsync send stalled::stalled 1s: sender is waiting /m,
    );
    expect(stderr).toMatch(
      /^::error title=ctxsync send failed::gave up after 2s without progress/m,
    );
  });
});

describe('when stderr cannot be written to', () => {
  test.each([['2>&-'], ['2>/dev/full']])(
    'a transfer with %s succeeds all the same',
    async (stderr) => {
      const codes = `${out}.codes`;
      const script = `
      { "$NODE" "$BIN" send "$1" --progress json ${stderr}; echo "send $?" >> "$3"; } |
      { "$NODE" "$BIN" receive "$2" --progress json ${stderr}; echo "receive $?" >> "$3"; }`;
      const env = { ...process.env, NODE: process.execPath, BIN };
      const shell = spawn('sh', ['-c', script, 'sh', context, out, codes], {
        env,
        stdio: 'ignore',
      });
      await once(shell, 'close');
      expect(readFileSync(codes, 'utf8').trim().split('\n').toSorted()).toEqual([
        'receive 0',
        'send 0',
      ]);
      expect(treeState(out)).toEqual(treeState(context));
    },
  );

  test('a reader of stderr that goes away in the middle does not end the transfer', async () => {
    const { sender, receiver, pipe } = startHeld(
      [context, ...JSON_MODE],
      [out, ...JSON_MODE],
      MIDDLE,
    );
    await until('the transfer is in its middle', () => pipe.holds);
    for (const { child } of [sender, receiver]) child.stderr?.destroy();
    pipe.release();
    expect(await sender.done).toMatchObject({ code: 0 });
    expect(await receiver.done).toMatchObject({ code: 0 });
    expect(treeState(out)).toEqual(treeState(context));
  });
});

/** A transfer of a tar that arrives piece by piece until a line of progress is printed. */
async function dripped(
  options: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ sent: Outcome; received: Outcome; elapsedMs: number }> {
  const startedAt = performance.now();
  const { sender, receiver } = startHeld(['-', ...options], [out, ...options], ALL, {
    env: { ...process.env, ...env },
  });
  let at = 0;
  await until('a line of progress is said', () => {
    sender.child.stdin?.write(tar.subarray(at, at + DROP_BYTES));
    at += DROP_BYTES;
    return /sending, |receiving, /.test(sender.said() + receiver.said());
  });
  expect(at).toBeLessThan(tar.length);
  sender.child.stdin?.end(tar.subarray(at));
  const [sent, received] = await Promise.all([sender.done, receiver.done]);
  return { sent, received, elapsedMs: performance.now() - startedAt };
}

function parse(line: string): unknown {
  return JSON.parse(line);
}
