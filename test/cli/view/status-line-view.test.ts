import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { glyphsFor } from '../../../src/cli/view/glyphs.ts';
import { statusLine } from '../../../src/cli/view/status-line.ts';
import { keepEnd, maxWidth } from '../../../src/cli/view/text-width.ts';
import type { Progress } from '../../../src/observe/events.ts';

const RUNNING: Progress = {
  phase: 'sending',
  entries: 12_345,
  bytes: 374_000_000,
  totalEntries: 20_000,
  totalBytes: 612_000_000,
  bytesPerSecond: 197_000_000,
  entriesPerSecond: 28_000,
  percent: 61,
  etaSeconds: 72,
  path: 'web/app.js',
  elapsedMs: 2_000,
};

const UTF8 = glyphsFor({ LANG: 'de_DE.UTF-8' });
const ASCII = glyphsFor({ LC_ALL: 'C', LANG: 'de_DE.UTF-8' });

describe('statusLine', () => {
  test('shows everything when there is room', () => {
    const bar = `${'█'.repeat(18)}${'░'.repeat(12)}`;
    expect(statusLine(RUNNING, 150, UTF8)).toBe(
      `sending 61% ${bar} 374/612 MB · 12,345/20,000 entries · 197 MB/s · ETA 1m 12s · web/app.js`,
    );
  });

  test('shows what is known before the totals are', () => {
    const early = {
      totalEntries: undefined,
      totalBytes: undefined,
      percent: undefined,
      etaSeconds: undefined,
    };
    expect(statusLine({ ...RUNNING, ...early }, 120, UTF8)).toBe(
      'sending · 374 MB · 12,345 entries · 197 MB/s · web/app.js',
    );
  });

  test('shows how many entries were compared, and bytes from the first change on', () => {
    const comparing: Progress = {
      ...RUNNING,
      phase: 'comparing',
      comparedEntries: 500,
      contextEntries: 20_000,
      totalEntries: undefined,
      totalBytes: undefined,
    };
    const line = (bytes: number) => statusLine({ ...comparing, bytes }, 70, UTF8);
    expect(line(0)).toMatch(/^comparing 61% █+░+ 500\/20,000 entries/);
    expect(line(9)).toMatch(/^comparing 61% █+░+ 9 B · /);
  });

  test('shows no percentage of a commit, for which everything has arrived', () => {
    const line = statusLine({ ...RUNNING, phase: 'committing', percent: 100 }, 80, UTF8);
    expect(line).toMatch(/^committing · 374\/612 MB/);
  });

  test('shows who is ahead in the queue, whatever the receiver calls it', () => {
    const queued: Progress = { ...RUNNING, phase: 'queued', queue: '2 senders ahead' };
    expect(statusLine(queued, 120, UTF8)).toBe('waiting: 2 senders ahead · web/app.js');
    expect(statusLine({ ...queued, queue: '\x1b[2J' }, 120, UTF8)).toMatch(
      /^waiting: \\x1b\[2J · /,
    );
  });

  test.each([
    [77, /^sending 61% █+░+ stalled 9s, fails in 4m 51s · 374\/612 MB/],
    [37, /^stalled 9s, fails in 4m 51s$/],
  ])('counts a stall on, with %d columns, in place of rate and ETA', (columns, seen) => {
    const stalled = { ...RUNNING, stalledMs: 9_050, failsInMs: 290_950 };
    const line = statusLine(stalled, columns, UTF8);
    expect(line).toMatch(seen);
    expect(line).not.toMatch(/ETA|MB\/s/);
  });

  test('of a stall that is to last for ever shows no end', () => {
    expect(statusLine({ ...RUNNING, stalledMs: 9_050 }, 37, UTF8)).toBe(
      'sending 61% · stalled 9s · 374/612 MB',
    );
  });

  test('shows the end of a path that is too long', () => {
    const path = `${'deep/'.repeat(40)}app.js`;
    const line = statusLine({ ...RUNNING, path }, 120, UTF8);
    expect(line).toMatch(/ · …[ep/d]*deep\/app\.js$/);
    expect(maxWidth(line)).toBeLessThanOrEqual(120);
  });

  test('keeps phase, bytes and ETA on a narrow terminal, which has no room for a bar', () => {
    expect(statusLine(RUNNING, 40, UTF8)).toBe('sending 61% · 374/612 MB · ETA 1m 12s');
  });

  test.each([36, 37, 60, 77, 100, 197])(
    'with %d columns is ASCII in a locale that is',
    (columns) => {
      const path = 'deep/'.repeat(40);
      const line = statusLine({ ...RUNNING, path }, columns, ASCII);
      expect(line).toMatch(/^sending 61%[ ,]/);
      expect(line).toMatch(/^[ -~]+$/);
    },
  );

  test('is never wider than allowed, however odd the path', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    const glyphs = fc.constantFrom(UTF8, ASCII);
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 200 }), glyphs, (path, columns, each) => {
        const line = statusLine({ ...RUNNING, path }, columns, each);
        expect(maxWidth(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('glyphsFor', () => {
  test.each([
    [{ LANG: 'C.UTF-8' }, UTF8],
    [{ LANG: 'en_US.utf8' }, UTF8],
    [{ LC_CTYPE: 'UTF-8', LANG: 'C' }, UTF8],
    [{ LC_ALL: '', LANG: 'de_DE.UTF-8' }, UTF8],
    [{ LC_ALL: 'POSIX', LC_CTYPE: 'C.UTF-8' }, ASCII],
    [{ LANG: 'de_DE.ISO-8859-1' }, ASCII],
    [{}, ASCII],
  ])('of %j are those that the locale has', (env, glyphs) => {
    expect(glyphsFor(env)).toBe(glyphs);
  });
});

describe('keepEnd', () => {
  test('counts wide characters as wide', () => {
    expect(maxWidth('資料')).toBe(4);
    expect(keepEnd('資料/資料.txt', 8, '…')).toBe('…料.txt');
    expect(keepEnd('🧀🧀🧀', 5, '…')).toBe('…🧀🧀');
    expect(keepEnd('資料/資料.txt', 9, '...')).toBe('...料.txt');
  });

  test('leaves a text that fits unchanged, and never exceeds the columns', () => {
    expect(keepEnd('abc', 3, '...')).toBe('abc');
    expect(keepEnd('abcd', 2, '...')).toBe('..');
    expect(keepEnd('abc', 0, '…')).toBe('');
  });
});
