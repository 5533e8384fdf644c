import { EventEmitter } from 'node:events';
import type { Progress, TransferEvent } from '../../../src/observe/events.ts';
import type { TransferReport, Verdict } from '../../../src/report.ts';

/** A stderr that records its output; it can be a terminal, slow, or gone. */
export class FakeStream extends EventEmitter {
  isTTY: boolean;
  columns = 80;
  writableNeedDrain = false;
  writableLength = 0;
  text = '';
  /** What the next writes do instead of writing. */
  failure: 'throws' | 'emits' | undefined;

  constructor({ isTTY = false } = {}) {
    super();
    this.isTTY = isTTY;
  }

  write(text: string, written?: () => void): boolean {
    if (this.failure === 'throws') throw new Error('ENOSPC');
    if (this.failure === 'emits') {
      this.emit('error', new Error('EIO'));
      return false;
    }
    this.text += text;
    written?.();
    return true;
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

const VERDICT: Verdict = {
  side: 'receiver',
  cause: 'disk-not-answering',
  path: 'web/app.js',
  text: 'receiver is writing web/app.js (disk not answering)',
};

export const STALL: TransferEvent = {
  type: 'stall',
  side: 'receiver',
  verdict: VERDICT,
  stalledMs: 12_345,
};

export const WARNING: TransferEvent = { type: 'warning', side: 'sender', message: 'no files' };

export function said(line: string): TransferEvent {
  return { type: 'command-output', side: 'sender', line };
}

export function progress(change: Partial<Progress> = {}): TransferEvent {
  return {
    type: 'progress',
    side: 'sender',
    phase: 'sending',
    entries: 12_345,
    bytes: 374_000_000,
    totalEntries: 86_955,
    totalBytes: 612_000_000,
    bytesPerSecond: 197_000_000,
    entriesPerSecond: 28_000,
    percent: 14,
    etaSeconds: 3,
    path: 'web/app.js',
    elapsedMs: 2_000,
    ...change,
  };
}

export function phase(name: Progress['phase'], elapsedMs = 2_000): TransferEvent {
  return { type: 'phase', side: 'sender', phase: name, elapsedMs };
}

export function report(change: Partial<TransferReport> = {}): TransferReport {
  return {
    version: 1,
    startedAt: '2026-01-02T03:04:05.678Z',
    result: 'done',
    side: 'receiver',
    contexts: [{ name: '', entries: 86_955, bytes: 612_000_000 }],
    entries: 86_955,
    bytes: 612_000_000,
    wireBytes: 700_000_000,
    times: { totalMs: 3_107, sourceMs: 652, wireMs: 249, destinationMs: 2_206 },
    skipped: { count: 0, paths: [] },
    changed: { count: 0, paths: [] },
    removed: { count: 0, paths: [] },
    failed: { count: 0, paths: [] },
    stalls: [],
    ...change,
  };
}

export function end(change: Partial<TransferReport> = {}): TransferEvent {
  const told = report(change);
  return { type: 'end', side: told.side, report: told };
}

export const FAILED: Partial<TransferReport> = {
  result: 'failed',
  error: { code: 'no-space', message: 'no space left for web/app.js', path: 'web/app.js' },
};
