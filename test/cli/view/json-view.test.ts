import { expect, test } from 'vitest';
import { createProgressView } from '../../../src/cli/view/progress-view.ts';
import type { TransferEvent } from '../../../src/observe/events.ts';
import { end, FAILED, FakeStream, phase, progress, STALL, WARNING } from './view-fixtures.ts';

function create(quiet = false) {
  const stream = new FakeStream({ isTTY: true });
  const env = { FORCE_COLOR: '1' };
  const view = createProgressView({
    mode: 'json',
    quiet,
    side: 'receiver',
    stream,
    env,
    now: () => 0,
  });
  return { stream, view };
}

const ALL: TransferEvent[] = [
  phase('receiving'),
  { type: 'peer-shows-progress', duplex: true },
  progress(),
  WARNING,
  STALL,
  end(FAILED),
];

const START = { type: 'start', version: 1 };

test('the view prints every event as a line of JSON, even when the peer shows progress', () => {
  const { stream, view } = create();
  for (const event of ALL) view.handle(event);
  expect(stream.lines.map((line) => JSON.parse(line) as unknown)).toEqual([START, ...ALL]);
});

test('the view rounds figures', () => {
  const { stream, view } = create();
  view.handle(progress({ bytesPerSecond: 12.5, elapsedMs: 1234.5678 }));
  expect(JSON.parse(stream.lines[1]!)).toEqual(progress({ bytesPerSecond: 13, elapsedMs: 1235 }));
});

test('the view keeps a path with a line break on one line', () => {
  const { stream, view } = create();
  view.handle(progress({ path: 'a\nb' }));
  expect(stream.lines).toHaveLength(2);
});

test('the view escapes what a terminal or a CI log would obey, and the line parses to the same event', () => {
  const { stream, view } = create();
  const event = progress({ path: 'a\x7f\x9b31m\u2028\u202e##[add-mask]x\\##[' });
  view.handle(event);
  expect(stream.lines[1]).toMatch(/^[ -~]*$/);
  expect(stream.lines[1]).not.toContain('##[');
  expect(JSON.parse(stream.lines[1]!)).toEqual(event);
});

test('with --quiet the view prints only the end of a failed run', () => {
  const { stream, view } = create(true);
  for (const event of [...ALL, end()]) view.handle(event);
  expect(stream.lines.map((line) => JSON.parse(line) as unknown)).toEqual([end(FAILED)]);
});

test('the view drops only progress while nobody reads', () => {
  const { stream, view } = create();
  stream.writableNeedDrain = true;
  for (const event of ALL) view.handle(event);
  expect(stream.lines).toHaveLength(ALL.length);
});
