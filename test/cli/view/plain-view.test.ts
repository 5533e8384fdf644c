import { describe, expect, test } from 'vitest';
import { createProgressView } from '../../../src/cli/view/progress-view.ts';
import type { TransferEvent } from '../../../src/observe/events.ts';
import type { Side } from '../../../src/report.ts';
import { end, FakeStream, phase, progress, STALL, WARNING } from './view-fixtures.ts';

function create(side: Side = 'sender') {
  const stream = new FakeStream();
  const clock = { now: 0 };
  const view = createProgressView({
    mode: 'plain',
    quiet: false,
    side,
    outLabel: '/out',
    stream,
    env: {},
    now: () => clock.now,
  });
  return { stream, clock, view };
}

describe('plain progress', () => {
  test('is printed at most once every five seconds', () => {
    const { stream, clock, view } = create();
    for (; clock.now <= 12_000; clock.now += 100) {
      view.handle(progress({ bytes: clock.now, percent: 0 }));
    }
    expect(stream.lines).toEqual([
      'ctxsync send: sending 0%, 5.00 kB/612 MB, 12,345/86,955 entries, 197 MB/s, ETA 3s, web/app.js',
      'ctxsync send: sending 0%, 10.0 kB/612 MB, 12,345/86,955 entries, 197 MB/s, ETA 3s, web/app.js',
    ]);
  });

  test('shows each phase at once, except the first', () => {
    const { stream, view } = create('receiver');
    for (const name of ['preparing', 'receiving', 'committing'] as const) {
      view.handle(phase(name));
    }
    view.handle(end());
    expect(stream.lines).toEqual([
      'ctxsync receive: receiving',
      'ctxsync receive: committing',
      'ctxsync receive: received 86,955 entries, 612 MB into /out in 3.1s (197 MB/s)' +
        '; source 21%, wire 8%, destination 71%',
    ]);
  });

  test('shows no phase of a run that ends at once', () => {
    const { stream, view } = create('receiver');
    view.handle(phase('receiving', 10));
    view.handle(phase('committing', 999));
    view.handle(phase('committing', 1_000));
    expect(stream.lines).toEqual(['ctxsync receive: committing']);
  });

  test('waits five seconds after a phase was printed', () => {
    const { stream, clock, view } = create();
    clock.now = 4_000;
    view.handle(phase('sending'));
    clock.now = 8_900;
    view.handle(progress());
    expect(stream.lines).toHaveLength(1);
    clock.now = 9_000;
    view.handle(progress());
    expect(stream.lines).toHaveLength(2);
  });

  test('does not repeat figures that do not change, because the stall message covers that', () => {
    const { stream, clock, view } = create();
    for (; clock.now <= 40_000; clock.now += 100) view.handle(progress());
    view.handle(STALL);
    view.handle({ type: 'resumed', side: 'sender', stalledMs: 41_000 });
    expect(stream.lines.slice(1)).toEqual([
      'ctxsync send: stalled 12s: receiver is writing web/app.js (disk not answering)',
      'ctxsync send: resumed after 41s',
    ]);
  });

  test('drops progress, but never a warning, while nobody reads the log', () => {
    const { stream, clock, view } = create();
    stream.writableNeedDrain = true;
    clock.now = 6_000;
    view.handle(progress());
    view.handle(WARNING);
    expect(stream.lines).toEqual(['ctxsync send: warning: no files']);
  });

  test('hides progress and phases, but nothing else, once the peer shows progress', () => {
    const { stream, clock, view } = create('receiver');
    view.handle({ type: 'peer-shows-progress', duplex: true });
    clock.now = 10_000;
    for (const event of [phase('receiving'), progress(), WARNING, STALL, end()]) view.handle(event);
    expect(stream.lines.map((line) => line.split(' ')[2])).toEqual([
      'warning:',
      'stalled',
      'received',
    ]);
  });

  test('shows at once that other senders come first, and when the queue has moved', () => {
    const { stream, view } = create();
    const queued = phase('queued', 10);
    for (const queue of ['2 senders ahead', '1 sender ahead']) {
      view.handle({ ...queued, queue } as TransferEvent);
    }
    expect(stream.lines).toEqual([
      'ctxsync send: waiting: 2 senders ahead',
      'ctxsync send: waiting: 1 sender ahead',
    ]);
  });

  test('shows at once where a receiver listens, and for what a sender waits', () => {
    const { stream, view } = create();
    const waiting = { type: 'waiting', socket: '/tmp/s' } as const;
    view.handle({ ...waiting, side: 'receiver' });
    view.handle({ ...waiting, side: 'receiver', givesUpInMs: 90_500 });
    view.handle({ ...waiting, side: 'sender', givesUpInMs: 300_000 });
    expect(stream.lines).toEqual([
      'ctxsync send: listening on /tmp/s',
      'ctxsync send: listening on /tmp/s (gives up in 90.5s)',
      'ctxsync send: waiting for a receiver on /tmp/s (gives up in 5m)',
    ]);
  });

  test('contains no control sequence, even from a message of the peer', () => {
    const { stream, view } = create();
    const peerError = { code: 'no\nspace', message: '\x1b[2Jgone\r\n' };
    view.handle({ type: 'warning', side: 'sender', message: 'a\x07b', path: '\x9b1A' });
    view.handle(end({ result: 'failed', peerError }));
    expect(stream.lines).toEqual([
      'ctxsync send: warning: a\\x07b (\\x9b1A)',
      'ctxsync send: error: the transfer failed',
      'ctxsync send: the sender said: \\x1b[2Jgone\\x0d\\n (no\\nspace)',
    ]);
  });

  test('names what was skipped before the closing line', () => {
    const { stream, view } = create();
    const skipped = { count: 1, paths: [{ path: 'run/sock', reason: 'socket' }] };
    view.handle(end({ side: 'sender', skipped }));
    expect(stream.lines[0]).toBe('ctxsync send: 1 entry not sent: run/sock (socket)');
    expect(stream.lines[1]).toMatch(/^ctxsync send: sent /);
  });
});
