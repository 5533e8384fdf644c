import { describe, expect, test } from 'vitest';
import { createProgressView, type ProgressViewOptions } from '../../src/cli/view/progress-view.ts';
import { MAX_UNREAD_BYTES } from '../../src/limits.ts';
import { FakeStream, said, STALL, WARNING } from './view/view-fixtures.ts';

function create(mode: ProgressViewOptions['mode'], env: ProgressViewOptions['env'] = {}) {
  const stream = new FakeStream();
  const options = { mode, quiet: false, side: 'sender', stream, env, now: () => 0 } as const;
  return { stream, view: createProgressView(options) };
}

/** The first line of --progress json only says what the others are. */
function linesOf(stream: FakeStream): string[] {
  return stream.lines.filter((line) => !line.startsWith('{"type":"start"'));
}

describe.each(['plain', 'none', 'json'] as const)('--progress %s, while nobody reads,', (mode) => {
  test('drops only the output of a command', () => {
    const { stream, view } = create(mode);
    stream.writableLength = MAX_UNREAD_BYTES - 1;
    for (const line of ['one', 'two']) view.handle(said(line));
    expect(linesOf(stream)).toHaveLength(2);
    stream.writableLength = MAX_UNREAD_BYTES;
    for (const line of ['three', 'four']) view.handle(said(line));
    expect(linesOf(stream)).toHaveLength(2);
    view.handle(WARNING);
    expect(linesOf(stream).at(-1)).toMatch('no files');
  });

  test('reports once how many lines it dropped', () => {
    const { stream, view } = create(mode);
    stream.writableLength = MAX_UNREAD_BYTES;
    for (let count = 0; count < 1_234; count++) view.handle(said('y'));
    stream.writableLength = 0;
    for (const event of [said('again'), STALL]) view.handle(event);
    expect(linesOf(stream)).toEqual([
      expect.stringMatching(/lines dropped, because nobody read them: 1,234/),
      expect.stringMatching(/again/),
      expect.stringMatching(/stalled|stall/),
    ]);
  });
});

test('output of a command is bounded too while colours are being loaded', async () => {
  const { stream, view } = create('plain', { FORCE_COLOR: '1' });
  const line = 'x'.repeat(1_000);
  for (let count = 0; count < 10_000; count++) view.handle(said(line));
  view.handle(WARNING);
  await view.close();
  expect(stream.text.length).toBeLessThan(1.1 * MAX_UNREAD_BYTES);
  expect(stream.lines.slice(-2)).toEqual([
    expect.stringMatching(/lines dropped, because nobody read them: 8,\d\d\d/),
    expect.stringMatching('no files'),
  ]);
});
