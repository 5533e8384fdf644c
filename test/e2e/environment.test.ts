import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TransferReport } from '../../src/report.ts';
import { pipeline, run } from '../helpers/cli/cli.ts';
import { receiveCommand } from '../helpers/cli/duplex.ts';
import { expectExit, expectFailure, expectUntouched, withScene } from '../helpers/trees/sandbox.ts';
import { treeState } from '../helpers/trees/tree-state.ts';

function inEnvironment(variables: Record<string, string>) {
  return { env: { ...process.env, ...variables } };
}

test('2: a bad variable stops a side before it changes anything', () =>
  withScene(async (sandbox) => {
    const options = inEnvironment({ CTXSYNC_MAX_BYTES: 'much' });
    const { send, receive } = await pipeline([sandbox.context], [sandbox.out], options);
    expectFailure(
      receive,
      2,
      "error: CTXSYNC_MAX_BYTES has the invalid value 'much'. Write a size",
    );
    expectFailure(send, 7);
    expectUntouched(sandbox);
  }));

test('rules of the environment come after those of the command line, and are named by it', () =>
  withScene(async ({ context, out }) => {
    const options = inEnvironment({ CTXSYNC_EXCLUDE: 'web\n*.txt', CTXSYNC_DELETE: 'true' });
    const { receive } = await pipeline(['--include', 'web', context], [out], options);
    expectFailure(receive, 5, 'empty');
    const bad = await run(['send', context], inEnvironment({ CTXSYNC_INCLUDE: 'a[' }));
    expectFailure(bad, 2, 'CTXSYNC_INCLUDE: syntax error');
  }));

test('what does not apply to a transfer, or to the command it starts, does not disturb it', () =>
  withScene(async ({ directory, context }) => {
    const [out, file] = [join(directory, 'fresh'), join(directory, 'report.json')];
    const variables = {
      CTXSYNC_SOCKET: join(directory, 'socket'),
      CTXSYNC_REPORT: file,
      CTXSYNC_MAX_DELETE: '5',
    };
    expectExit(await run(['send', context, ...receiveCommand(out)], inEnvironment(variables)), 0);
    expect(treeState(out)).toEqual(treeState(context));
    const { side } = JSON.parse(readFileSync(file, 'utf8')) as TransferReport;
    expect(side).toBe('sender');
  }));
