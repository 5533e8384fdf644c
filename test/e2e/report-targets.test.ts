import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BIN, recordSend, run } from '../helpers/cli/cli.ts';
import { expectExit, expectFailure, withScene, type Sandbox } from '../helpers/trees/sandbox.ts';

/** `receive OUT` of a recorded stream, in a shell; $OUT, $BIN and the working directory are set. */
async function receiveIn(sandbox: Sandbox, script: string) {
  writeFileSync(join(sandbox.directory, 'stream'), await recordSend([sandbox.context]));
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    cwd: sandbox.directory,
    env: { ...process.env, BIN, OUT: sandbox.out },
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

test.each(['-', '/dev/stderr', '/dev/fd/2'])(
  '--report %s goes to stderr, after what is there',
  (path) =>
    withScene(async (sandbox) => {
      const script = `echo earlier >&2; "$BIN" receive "$OUT" --quiet --report ${path} < stream`;
      const { code, stderr } = await receiveIn(sandbox, `{ ${script}; } 2> log; cat log >&2`);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const [first, ...rest] = stderr.split('\n');
      expect(first).toBe('earlier');
      expect(JSON.parse(rest.join('\n'))).toMatchObject({ result: 'done', exitCode: 0 });
    }),
);

test('--report /dev/fd/3 is appended where the shell opened it, and truncates nothing', () =>
  withScene(async (sandbox) => {
    const script = '"$BIN" receive "$OUT" --report /dev/fd/3 < stream 3>> log';
    writeFileSync(join(sandbox.directory, 'log'), 'earlier\n');
    expectExit(await receiveIn(sandbox, script), 0);
    const [first, ...rest] = readFileSync(join(sandbox.directory, 'log'), 'utf8').split('\n');
    expect(first).toBe('earlier');
    expect(JSON.parse(rest.join('\n'))).toMatchObject({ result: 'done' });
  }));

test.each([
  ['a FIFO', 'mkfifo fifo; cat fifo > copy & "$BIN" receive "$OUT" --report fifo < stream; wait'],
  [
    'a pipe',
    '"$BIN" receive "$OUT" --report >(cat > copy; : > ready) < stream; until [ -e ready ]; do sleep 0.05; done',
  ],
])('--report to %s that somebody reads arrives whole', (_, script) =>
  withScene(async (sandbox) => {
    expectExit(await receiveIn(sandbox, script), 0);
    const copy = readFileSync(join(sandbox.directory, 'copy'), 'utf8');
    expect(JSON.parse(copy)).toMatchObject({ result: 'done' });
  }),
);

test('--report to a FIFO that nobody reads fails before anything is received', () =>
  withScene(async (sandbox) => {
    const script = 'mkfifo fifo; "$BIN" receive "$OUT" --report fifo < stream';
    expectFailure(await receiveIn(sandbox, script), 2, '--report fifo: nobody reads from it');
  }));

test('--report to a device leaves the device as it was', () =>
  withScene(async (sandbox) => {
    const before = statSync('/dev/null').rdev;
    const script = '"$BIN" receive "$OUT" --report /dev/null < stream';
    expectExit(await receiveIn(sandbox, script), 0);
    expect(statSync('/dev/null')).toMatchObject({ rdev: before });
    const full = await receiveIn(sandbox, script.replace('null', 'full'));
    expectFailure(full, 0, 'warning: --report /dev/full: no space left on device (ENOSPC)');
  }));

test.each(['/dev/stdout', '/dev/fd/1', '/dev/stdin'])('2: --report %s is refused', async (path) => {
  const outcome = await run(['send', '.', '--report', path]);
  expectFailure(outcome, 2, `--report ${path}: stdin and stdout are for data; "-" is stderr`);
  expect(outcome.stdout.length).toBe(0);
});
