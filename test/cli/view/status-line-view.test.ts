import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
  etaSeconds: 72,
  path: 'web/app.js',
  elapsedMs: 2_000,
};

describe('statusLine', () => {
  test('shows everything when there is room', () => {
    expect(statusLine(RUNNING, 120)).toBe(
      'sending 61% · 374/612 MB · 12,345/20,000 entries · 197 MB/s · ETA 1m 12s · web/app.js',
    );
  });

  test('shows what is known before the totals are', () => {
    const early = { totalEntries: undefined, totalBytes: undefined, etaSeconds: undefined };
    expect(statusLine({ ...RUNNING, ...early }, 120)).toBe(
      'sending · 374 MB · 12,345 entries · 197 MB/s · web/app.js',
    );
  });

  test('shows who is ahead in the queue, whatever the receiver calls it', () => {
    const queued: Progress = { ...RUNNING, phase: 'queued', queue: '2 senders ahead' };
    expect(statusLine(queued, 120)).toMatch(/^waiting: 2 senders ahead · 374\/612 MB · /);
    expect(statusLine({ ...queued, queue: '\x1b[2J' }, 120)).toMatch(/^waiting: \\x1b\[2J · /);
  });

  test('shows the end of a path that is too long', () => {
    const path = `${'deep/'.repeat(40)}app.js`;
    const line = statusLine({ ...RUNNING, path }, 96);
    expect(line).toMatch(/ · …[ep/d]*deep\/app\.js$/);
    expect(maxWidth(line)).toBeLessThanOrEqual(96);
  });

  test('keeps phase, bytes and ETA on a narrow terminal', () => {
    expect(statusLine(RUNNING, 40)).toBe('sending 61% · 374/612 MB · ETA 1m 12s');
  });

  test('is never wider than allowed, however odd the path', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 200 }), (path, columns) => {
        expect(maxWidth(statusLine({ ...RUNNING, path }, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('keepEnd', () => {
  test('counts wide characters as wide', () => {
    expect(maxWidth('資料')).toBe(4);
    expect(keepEnd('資料/資料.txt', 8)).toBe('…料.txt');
    expect(keepEnd('🧀🧀🧀', 5)).toBe('…🧀🧀');
  });

  test('leaves a text that fits unchanged', () => {
    expect(keepEnd('abc', 3)).toBe('abc');
    expect(keepEnd('abc', 0)).toBe('');
  });
});
