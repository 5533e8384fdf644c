import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { createProgressView } from '../../../src/cli/view/progress-view.ts';
import type { Side } from '../../../src/report.ts';
import { end, FakeStream, phase, progress, STALL, WARNING } from './view-fixtures.ts';

const ERASE = '\r\x1b[K';

function create(side: Side = 'sender') {
  const stream = new FakeStream({ isTTY: true });
  const env = { NO_COLOR: '1', LANG: 'C.UTF-8' };
  const view = createProgressView({ mode: 'tty', quiet: false, side, stream, env, now: () => 0 });
  return { stream, view };
}

/** A view whose spinner is on the screen. */
async function createSpinning() {
  const { stream, view } = create();
  view.handle(progress());
  await vi.waitFor(() => expect(stream.text).toContain('sending'), { timeout: 10_000 });
  return { stream, view };
}

describe('tty progress', () => {
  test('is one line that fits the terminal and has no line break', async () => {
    const { stream } = await createSpinning();
    const shown = stripVTControlCharacters(stream.text);
    expect(shown).toMatch(/^\r. sending 14% ██░{13} 374\/612 MB · /);
    expect(shown).not.toContain('\n');
    expect(shown.length).toBeLessThan(80);
  });

  test('overwrites itself, and follows a terminal that gets narrower', async () => {
    const { stream, view } = await createSpinning();
    stream.text = '';
    stream.columns = 40;
    view.handle(progress());
    expect(stream.text).toContain('\x1b[1G\x1b[0K');
    expect(stripVTControlCharacters(stream.text)).toMatch(
      /^\r+. sending 14% · 374\/612 MB · ETA 3s$/,
    );
  });

  test('clears all rows into which a terminal that got narrower has wrapped it', async () => {
    const { stream, view } = await createSpinning();
    const width = stripVTControlCharacters(stream.text).trimStart().length;
    expect(width).toBeGreaterThan(60);
    stream.text = '';
    stream.columns = 30;
    view.handle(progress());
    const up = Math.ceil(width / 30) - 1;
    expect(stream.text.startsWith(`\r\x1b[${up}A\x1b[J${ERASE}`)).toBe(true);
    stream.text = '';
    view.handle(progress());
    expect(stream.text.startsWith(ERASE)).toBe(true);
  });

  test('lets a rate, an ETA and a path stand for a second, so that they can be read', async () => {
    const { stream, view } = await createSpinning();
    const shown = (elapsedMs: number): string => {
      stream.text = '';
      stream.columns = 120;
      view.handle(progress({ elapsedMs, etaSeconds: 9, path: 'b', percent: 50 }));
      return stripVTControlCharacters(stream.text);
    };
    expect(shown(2_900)).toMatch(/sending 50% .* ETA 3s · web\/app.js$/);
    expect(shown(3_000)).toMatch(/sending 50% .* ETA 9s · b$/);
  });

  test('draws in one write, because two processes may draw on the same line', async () => {
    const { stream, view } = await createSpinning();
    const write = vi.spyOn(stream, 'write');
    view.handle(progress());
    expect(write).toHaveBeenCalledTimes(1);
    expect(write.mock.calls[0]?.[0].startsWith(ERASE)).toBe(true);
  });

  test('does not touch the cursor, or the line before data flows', async () => {
    const { stream, view } = create();
    view.handle(phase('preparing'));
    view.handle(progress({ phase: 'preparing' }));
    await view.close();
    expect(stream.text).toBe('');
    const { stream: drawn } = await createSpinning();
    expect(drawn.text).not.toContain('\x1b[?25l');
  });

  test('prints lines above the spinner, over anything that another process left', async () => {
    const { stream, view } = await createSpinning();
    await vi.waitFor(() => {
      stream.text = '';
      view.handle(STALL);
      expect(stream.text).toContain(`${ERASE}ctxsync send: stalled 12s: receiver is writing`);
    });
    expect(stripVTControlCharacters(stream.text)).toMatch(/answering\)\n\r. sending 14%/);
  });

  test('removes the spinner for the closing line', async () => {
    const { stream, view } = await createSpinning();
    stream.text = '';
    view.handle(end());
    view.handle(progress());
    await view.close();
    const [before, after] = stream.text.split('ctxsync send: received ');
    expect(before).toBe(`\x1b[1G\x1b[0K${ERASE}`);
    expect(after).toMatch(/71%\n$/);
  });

  test('is hidden once the peer shows progress, but warnings and the closing line are shown', async () => {
    const { stream, view } = create('receiver');
    view.handle({ type: 'peer-shows-progress', duplex: true });
    for (const event of [phase('receiving'), progress(), WARNING, end()]) view.handle(event);
    await view.close();
    expect(stream.lines.map((line) => line.slice(0, ERASE.length + 24))).toEqual([
      `${ERASE}ctxsync receive: warning`,
      `${ERASE}ctxsync receive: receive`,
    ]);
  });

  test('draws no spinner that was loaded too late', async () => {
    const { stream, view } = create();
    view.handle(progress());
    view.handle(end());
    await view.close();
    await import('ora');
    expect(stripVTControlCharacters(stream.text)).toMatch(/^\rctxsync send: received .*\n$/);
  });

  test('is available on a stream that does not claim to be a terminal', async () => {
    const { stream, view } = await createSpinning();
    stream.isTTY = false;
    stream.text = '';
    view.handle(progress());
    expect(stream.text).toContain('\x1b[1G\x1b[0K');
  });
});
