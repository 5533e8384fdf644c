import { expect, test } from 'vitest';
import { createProgressView } from '../../../src/cli/view/progress-view.ts';
import { end, FakeStream, said } from './view-fixtures.ts';

const WORDS = 'cannot write into /out: no such file or directory (ENOENT)';
const PEER_FAILED = end({
  side: 'sender',
  result: 'failed',
  error: { code: 'peer-failed', message: `the receiver failed: ${WORDS}` },
  peerError: { code: 'not-writable', message: WORDS },
});

function linesOf(startsPeer: boolean, ...events: ReturnType<typeof said>[]): string[] {
  const stream = new FakeStream();
  const view = createProgressView({
    mode: 'plain',
    quiet: false,
    side: 'sender',
    startsPeer,
    stream,
    env: {},
    now: () => 0,
  });
  for (const event of events) view.handle(event);
  return stream.lines.map((line) => line.replace('ctxsync send: ', ''));
}

test.each([
  ['plain', `ctxsync receive: error: ${WORDS}`],
  ['with a remedy', `ctxsync receive: error: ${WORDS} (try again)`],
  ['in colours', `\x1b[2mctxsync receive: \x1b[22m\x1b[31merror: ${WORDS}\x1b[39m`],
])('the error that a receiver of ours prints is not shown twice: %s', (_, line) => {
  const lines = linesOf(true, said('before'), said(line), said('after'), PEER_FAILED);
  expect(lines).toEqual(['| before', '| after', `error: the receiver failed: ${WORDS}`]);
});

test('an error of a receiver is shown before the end when it is another one, or there are two', () => {
  const other = (n: number) => `ctxsync receive: error: something else ${n}`;
  const lines = linesOf(true, said(other(1)), said(other(2)), PEER_FAILED);
  expect(lines).toEqual([`| ${other(1)}`, `| ${other(2)}`, `error: the receiver failed: ${WORDS}`]);
});

test('an error of a receiver is shown when ours does not contain it', () => {
  const line = `ctxsync receive: error: ${WORDS}`;
  const error = { code: 'peer-gone', message: 'the receiver is gone' } as const;
  const lines = linesOf(true, said(line), end({ side: 'sender', result: 'failed', error }));
  expect(lines).toEqual([`| ${line}`, 'error: the receiver is gone']);
});
