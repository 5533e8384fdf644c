import { CtxsyncError } from '../errors.ts';
import {
  REPORT_VERSION,
  type ContextReport,
  type EntryCounts,
  type Side,
  type TimeShares,
  type TransferReport,
} from '../report.ts';
import type { Monitor } from './monitor.ts';
import type { PathNoteCollector } from './path-notes.ts';

export interface Outcome {
  side: Side;
  startedAt: Date;
  /** The directory received into. */
  destination?: string | undefined;
  error: CtxsyncError | undefined;
  contexts: ContextReport[];
  counts: EntryCounts | undefined;
  wireBytes: number;
  digest: string | undefined;
  times: TimeShares;
}

/** Everything that is known about a run when it is over. */
export function makeReport(
  outcome: Outcome,
  monitor: Monitor,
  notes: PathNoteCollector,
): TransferReport {
  const { side, startedAt, destination, error, contexts, counts, wireBytes, digest, times } =
    outcome;
  const report: TransferReport = {
    version: REPORT_VERSION,
    startedAt: startedAt.toISOString(),
    result: error === undefined ? 'done' : 'failed',
    side,
    destination,
    contexts,
    counts,
    entries: sum(contexts.map(({ entries }) => entries)),
    bytes: sum(contexts.map(({ bytes }) => bytes)),
    wireBytes,
    digest,
    times,
    skipped: notes.skipped,
    changed: notes.changed,
    removed: notes.removed,
    failed: notes.failed,
    stalls: monitor.stalls,
  };
  if (error !== undefined) addError(report, error);
  return report;
}

/** The report of a run that failed before it began. */
export function notBegun(side: Side, error: CtxsyncError): TransferReport {
  const report: TransferReport = {
    version: REPORT_VERSION,
    startedAt: new Date().toISOString(),
    result: 'failed',
    side,
    contexts: [],
    entries: 0,
    bytes: 0,
    wireBytes: 0,
    times: { totalMs: 0, sourceMs: 0, wireMs: 0 },
    skipped: { count: 0, paths: [] },
    changed: { count: 0, paths: [] },
    removed: { count: 0, paths: [] },
    failed: { count: 0, paths: [] },
    stalls: [],
  };
  addError(report, error);
  return report;
}

/** The report of a run that ends with another error than it failed with. */
export function failedWith(report: TransferReport, error: CtxsyncError): TransferReport {
  const failed = { ...report };
  delete failed.peerError;
  addError(failed, error);
  return failed;
}

/** An error before the run, with its report. */
export function withReport(side: Side, error: CtxsyncError): CtxsyncError {
  return Object.assign(error, { report: notBegun(side, error) });
}

function addError(
  report: TransferReport,
  { code, message, path, line, peer, commandOutput, remedy }: CtxsyncError,
): void {
  report.error = { code, message, path, line, commandOutput, remedy };
  if (peer !== undefined) report.peerError = peer;
  if (path === undefined || report.failed.count > 0) return;
  report.failed = { count: 1, paths: [{ path, reason: message }] };
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
