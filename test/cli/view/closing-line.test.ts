import { describe, expect, test } from 'vitest';
import { closingLine, failureLines, noteLines } from '../../../src/cli/view/closing-line.ts';
import { FAILED, report } from './view-fixtures.ts';

describe('closingLine', () => {
  test('of a receiver shows the amount, the destination, the speed and where the time went', () => {
    expect(closingLine(report(), '/out')).toBe(
      'received 86,955 entries, 612 MB into /out in 3.1s (197 MB/s)' +
        ' · source 21%, wire 8%, destination 71%',
    );
  });

  test('of a sender that cannot see its destination names the wait', () => {
    const times = { totalMs: 2_000, sourceMs: 800, wireMs: 1_200 };
    expect(closingLine(report({ side: 'sender', times }))).toBe(
      'sent 86,955 entries, 612 MB in 2.0s (306 MB/s)' +
        ' · source 40%, waiting for the receiver 60%',
    );
  });

  test.each([
    [{ written: 12, unchanged: 86_943, removed: 3 }, ' · 12 changed, 86,943 unchanged, 3 removed'],
    [{ metadataOnly: 1_234 }, ' · 0 changed, 1,234 only in mode or time'],
    [{ unchanged: 5 }, ' · 0 changed, 5 unchanged'],
    [{ written: 7, removed: 1 }, ' · 1 removed'],
    [{ written: 7 }, ''],
  ])('with %j shows what became of the entries', (some, words) => {
    const counts = { written: 0, reused: 0, metadataOnly: 0, unchanged: 0, removed: 0, ...some };
    expect(closingLine(report({ counts }))).toBe(
      `received 86,955 entries, 612 MB in 3.1s (197 MB/s)${words}` +
        ' · source 21%, wire 8%, destination 71%',
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
