import { CtxsyncError } from '../errors.ts';
import type { TransferEvent } from '../observe/events.ts';
import type { Side, TransferReport } from '../report.ts';
import type { DiskThreads } from './disk-threads.ts';
import type { FirstFailure } from './first-failure.ts';
import type { Monitor } from './monitor.ts';
import type { PathNoteCollector } from './path-notes.ts';
import { makeReport, type Outcome } from './report.ts';

/** One side's part in one transfer. */
export interface Run {
  readonly side: Side;
  readonly onEvent: ((event: TransferEvent) => void) | undefined;
  /** Its connection to the other side. */
  readonly link: RunLink;
  readonly threads: DiskThreads;
  readonly notes: PathNoteCollector;
  /** The whole transfer, if nothing goes wrong. */
  transfer(): Promise<void>;
  /**
   * Notifies the peer, releases everything, and undoes what was done.
   * @returns the error that the run ends with; undefined if it succeeded after all
   */
  giveUp(error: CtxsyncError): Promise<CtxsyncError | undefined>;
  /** What there is to report when it is over. */
  outcome(
    error: CtxsyncError | undefined,
  ): Pick<Outcome, 'destination' | 'contexts' | 'counts' | 'times'>;
}

/** What a run has to know of its link, whichever side it is. */
export interface RunLink {
  readonly failure: FirstFailure;
  readonly monitor: Monitor;
  readonly wireBytes: number;
  /** Of FIN, once everything was sent. */
  readonly digest: string | undefined;
  /** Settles when nothing of what was to be sent is used any more. Never rejects. */
  readonly released: Promise<void>;
  /** Releases what the transport still holds. */
  close(): Promise<void>;
}

/**
 * Carries out a run from its beginning to its report, whatever happens in between.
 * @throws CtxsyncError with the report
 */
export async function runToReport(run: Run): Promise<TransferReport> {
  const { side, link, threads, notes, onEvent } = run;
  link.monitor.watchRings(() => threads.ringFills());
  const startedAt = new Date();
  let error: CtxsyncError | undefined;
  try {
    await run.transfer();
  } catch (thrown) {
    error = await run.giveUp(CtxsyncError.from(thrown));
  }
  link.monitor.stop(error === undefined);
  const outcome = run.outcome(error);
  await threads.end(link.released);
  await link.close();
  link.failure.close();
  const { wireBytes, digest } = link;
  const report = makeReport(
    { side, startedAt, error, wireBytes, digest, ...outcome },
    link.monitor,
    notes,
  );
  onEvent?.({ type: 'end', side, report });
  if (error !== undefined) throw Object.assign(error, { report });
  return report;
}
