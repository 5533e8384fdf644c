import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/cli/exit-code.ts';
import { REMEDIES } from '../../src/remedy.ts';
import type { TransferReport } from '../../src/report.ts';
import { BIN, run, startInTest } from '../helpers/cli/cli.ts';
import { receiveCommand } from '../helpers/cli/duplex.ts';
import { faultsOf, readSchema } from '../helpers/cli/schema.ts';
import { expectExit, withScene, type Sandbox } from '../helpers/trees/sandbox.ts';
import { until } from '../helpers/until.ts';

/** Checks a report and the lines of --progress json, and returns the report. */
function checkOutputs(file: string, stderr: string): TransferReport {
  const report = JSON.parse(readFileSync(file, 'utf8')) as TransferReport;
  expect(faultsOf('report', report)).toBe('');
  const lines = stderr.trimEnd().split('\n');
  for (const line of lines) {
    expect({ line, faults: faultsOf('events', JSON.parse(line)) }).toEqual({ line, faults: '' });
  }
  expect(JSON.parse(lines[0]!)).toEqual({ type: 'start', version: 1 });
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ type: 'end' });
  return report;
}

const RUNS: [what: string, exitCode: number, args: (sandbox: Sandbox) => string[]][] = [
  [
    'a first transfer',
    0,
    ({ context, directory }) => [context, ...receiveCommand(join(directory, 'x'))],
  ],
  ['a mirror', 0, ({ context, out }) => [context, ...receiveCommand(out, '--delete')]],
  [
    'a receiver that fails',
    9,
    ({ context, out }) => [context, ...receiveCommand(out, '--max-bytes', '5')],
  ],
  ['a command that fails', 7, ({ context }) => [context, '--', 'sh', '-c', 'echo no >&2; exit 41']],
  ['a missing context', 3, ({ out }) => ['nothing-here', ...receiveCommand(out)]],
  ['a bad rule', 2, ({ context, out }) => ['--exclude', 'a[', context, ...receiveCommand(out)]],
];

test.each(RUNS)('the outputs of a sender follow the schemas: %s', (_, exitCode, args) =>
  withScene(async (sandbox) => {
    const file = join(sandbox.directory, 'report.json');
    const options = ['--report', file, '--progress', 'json'];
    const outcome = await run(['send', ...options, ...args(sandbox)]);
    expectExit(outcome, exitCode);
    expect(checkOutputs(file, outcome.stderr)).toMatchObject({ version: 1, exitCode });
  }),
);

test('the outputs of a receiver follow the schemas, with start and destination', () =>
  withScene(async ({ directory, context, out }) => {
    const before = Date.now();
    const file = join(directory, 'report.json');
    spawnSync('mkfifo', [join(context, 'fifo')]);
    const script =
      '"$0" send "$1" 2> sent | "$0" receive --progress json --report "$2" --delete "$3"';
    const { stderr } = spawnSync('sh', ['-c', script, BIN, context, file, out], {
      cwd: directory,
      encoding: 'utf8',
    });
    const { startedAt, destination, removed } = checkOutputs(file, stderr);
    expect(destination).toBe(out);
    expect(removed.count).toBe(1);
    expect(Date.parse(startedAt)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(startedAt)).toBeLessThanOrEqual(Date.now());
  }));

test('the outputs of a stalled receiver follow the schemas', () =>
  withScene(async ({ directory, out }) => {
    const file = join(directory, 'report.json');
    const options = ['--report', file, '--progress', 'json', '--stall-after', '1s'];
    const receiver = startInTest(['receive', ...options, '--stall-timeout', '2s', out]);
    const { code, stderr } = await receiver.done;
    expectExit({ code, stderr }, 8);
    expect(checkOutputs(file, stderr).stalls).toHaveLength(1);
  }));

test('the events of a server follow the schema', () =>
  withScene(async ({ directory, context, out }) => {
    const socket = join(directory, 'socket');
    const server = startInTest([
      'receive',
      '--serve',
      '--progress',
      'json',
      '--socket',
      socket,
      out,
    ]);
    expectExit(await run(['send', `app=${context}`, '--socket', socket]), 0);
    await until('the transfer has ended', () => server.said().includes('"end"'));
    server.child.kill('SIGTERM');
    const { stderr } = await server.done;
    for (const line of stderr.trimEnd().split('\n')) {
      expect({ line, faults: faultsOf('events', JSON.parse(line)) }).toEqual({ line, faults: '' });
    }
    expect(stderr).toContain(`"destination":"${join(out, 'app')}"`);
  }));

test('the schemas list every error code, and every remedy', () => {
  const { error } = readSchema('report')['$defs'] as Record<
    string,
    { properties: Record<string, { enum: string[] }> }
  >;
  expect(error?.properties['code']?.enum.toSorted()).toEqual(Object.keys(EXIT_CODES).toSorted());
  expect(error?.properties['remedy']?.enum).toEqual(REMEDIES);
});

test('the schemas refuse what is no report, and no event', () => {
  expect(faultsOf('report', { version: 1 })).not.toBe('');
  expect(faultsOf('events', { type: 'start', version: 2 })).toContain('version');
  expect(faultsOf('events', { type: 'progress', side: 'sender' })).not.toBe('');
});
