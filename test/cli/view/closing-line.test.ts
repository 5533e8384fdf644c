import { describe, expect, test } from 'vitest';
import { closingLine, failureLines, noteLines } from '../../../src/cli/view/closing-line.ts';
import { FAILED, report } from './view-fixtures.ts';

/** Counts of nothing. */
const NONE = { written: 0, reused: 0, metadataOnly: 0, unchanged: 0, removed: 0 };

describe('closingLine', () => {
  test('of a receiver shows the amount, the destination, the speed and where the time went', () => {
    expect(closingLine(report(), '/out')).toBe(
      'received 86,955 entries, 612 MB into /out in 3.1s (197 MB/s)' +
        '; source 21%, wire 8%, destination 71%',
    );
  });

  test('of a sender that cannot see its destination does not blame the receiver alone', () => {
    const times = { totalMs: 4_000, sourceMs: 1_600, wireMs: 2_400 };
    expect(closingLine(report({ side: 'sender', times }))).toBe(
      'sent 86,955 entries, 612 MB in 4.0s (153 MB/s); source 40%, wire or receiver 60%',
    );
  });

  test('does not explain a transfer that took less than three seconds', () => {
    const times = { totalMs: 2_999, sourceMs: 1_600, wireMs: 1_399 };
    expect(closingLine(report({ side: 'sender', times }))).toBe(
      'sent 86,955 entries, 612 MB in 3.0s (204 MB/s)',
    );
  });

  test.each([
    [
      { written: 2, unchanged: 2_706, removed: 1 },
      '2 changed, 1 removed, 2,706 unchanged, 12.0 MB',
    ],
    [{ written: 2, unchanged: 2_706, removed: 0 }, '2 changed, 2,706 unchanged, 12.0 MB'],
    [{ metadataOnly: 2_700, unchanged: 6 }, '2,700 only in mode or time, 6 unchanged, 12.0 MB'],
    [{ written: 1, metadataOnly: 3 }, '1 changed, 3 only in mode or time, 12.0 MB'],
    [{ written: 7, unchanged: 0, removed: 1 }, 'sent 9 entries, 1 removed, 12.0 MB'],
    [{ written: 7, unchanged: 0, removed: 0 }, 'sent 9 entries, 12.0 MB'],
  ])('with %j shows what became of the entries', (some, words) => {
    const counts = { ...NONE, ...some };
    const times = { totalMs: 2_100, sourceMs: 2_100, wireMs: 0 };
    const change = { side: 'sender', counts, entries: 9, bytes: 12e6, times } as const;
    const rate = counts.unchanged + counts.metadataOnly > 0 ? '' : ' (5.71 MB/s)';
    expect(closingLine(report(change))).toBe(`${words} in 2.1s${rate}`);
    expect(closingLine(report(change), 'out')).toBe(`${words} into out in 2.1s${rate}`);
  });

  test('of a transfer without changes says just that', () => {
    const times = { totalMs: 600, sourceMs: 600, wireMs: 0 };
    const counts = { ...NONE, unchanged: 2_708 };
    const nothing = report({ entries: 0, bytes: 0, counts, times });
    expect(closingLine(nothing)).toBe('up to date, 2,708 entries unchanged (0.6s)');
    expect(closingLine(nothing, 'out')).toBe('up to date, 2,708 entries unchanged in out (0.6s)');
  });

  test('of a transfer that only removed shows no bytes', () => {
    const times = { totalMs: 40, sourceMs: 40, wireMs: 0 };
    const counts = { ...NONE, unchanged: 5, removed: 3 };
    expect(closingLine(report({ entries: 0, bytes: 0, counts, times }))).toBe(
      '3 removed, 5 unchanged in 40ms',
    );
  });

  test('shows no rate when almost nothing was sent', () => {
    const times = { totalMs: 0, sourceMs: 0, wireMs: 0 };
    expect(closingLine(report({ side: 'sender', entries: 1, bytes: 0, times }))).toBe(
      'sent 1 entry, 0 B in 0ms',
    );
  });
});

describe('failureLines', () => {
  test('print what happened, and name a path once', () => {
    expect(failureLines(report(FAILED))).toEqual(['error: no space left for web/app.js']);
    const error = { code: 'no-space', message: 'no space left', path: 'web/app.js' } as const;
    expect(failureLines(report({ ...FAILED, error }))).toEqual([
      'error: no space left (web/app.js)',
    ]);
  });

  test('include the message of the peer', () => {
    const error = { code: 'peer-failed', message: 'the sender failed' } as const;
    const peerError = { code: 'source-changed', message: 'a.txt grew while it was read' };
    expect(failureLines(report({ result: 'failed', error, peerError }))).toEqual([
      'error: the sender failed',
      'the sender said: a.txt grew while it was read (source-changed)',
    ]);
  });

  test('do not repeat a message of the peer that is already shown', () => {
    const error = { code: 'peer-failed', message: 'the sender failed: a.txt grew' } as const;
    const peerError = { code: 'source-changed', message: 'a.txt grew' };
    expect(failureLines(report({ result: 'failed', error, peerError }))).toHaveLength(1);
  });

  test('name the option that helps, and the side that has it, whichever side failed', () => {
    const error = {
      code: 'peer-failed',
      message: 'the receiver failed: the context has more than 2 entries; stopped at a',
      path: 'a',
      remedy: 'max-entries',
    } as const;
    expect(failureLines(report({ side: 'sender', result: 'failed', error }))).toEqual([
      `error: ${error.message} ("receive --max-entries" raises the limit)`,
    ]);
  });

  test('print a message even for a failure without an error', () => {
    expect(failureLines(report({ result: 'failed' }))).toEqual(['error: the transfer failed']);
  });
});

describe('noteLines', () => {
  test('count what was skipped and name the first three', () => {
    const paths = ['a', 'b', 'c', 'd'].map((path) => ({ path, reason: 'socket' }));
    expect(noteLines(report({ skipped: { count: 1_004, paths } }))).toEqual([
      '1,004 entries not sent: a (socket), b (socket), c (socket), and 1,001 more',
    ]);
  });

  test('print what was changed on the way', () => {
    const changed = { count: 1, paths: [{ path: 'su', reason: 'setuid dropped' }] };
    expect(noteLines(report({ changed }))).toEqual([
      '1 entry not sent as it was: su (setuid dropped)',
    ]);
  });

  test('are empty when everything was transferred', () => {
    expect(noteLines(report())).toEqual([]);
  });
});
