import { CtxsyncError } from '../errors.ts';
import type { TransferEvent } from '../observe/events.ts';
import { TransferTrace } from '../observe/transfer-trace.ts';
import type { Side, TransferReport } from '../report.ts';
import type { OnItem } from '../transfer/read-items.ts';
import type { TransferOptions } from '../transfer/options.ts';
import { notBegun } from '../transfer/report.ts';
import { withTimeout } from '../with-timeout.ts';
import type { CommonOptions } from './common-options.ts';
import { EXIT_CODES, SIGNAL_EXIT_CODES, type EndingSignal } from './exit-code.ts';
import { appendJobSummary } from './job-summary.ts';
import { createProgressView } from './view/progress-view.ts';
import type { RunLinesOptions } from './view/run-lines.ts';
import { RunFiles } from './run-files.ts';
import { watchSignals } from './signals.ts';
import type { ProgressView } from './view/view.ts';
import { LAST_WORDS_MS } from '../limits.ts';

export interface Surroundings extends RunLinesOptions {
  side: Side;
  /** We start the command that runs the other side. */
  startsPeer?: boolean | undefined;
}

/**
 * Runs one side of a transfer with everything around it: progress view, signals, report, trace. The one
 * place that decides the exit status.
 */
export async function runTransfer(
  options: CommonOptions,
  { side, startsPeer, ...lines }: Surroundings,
  transfer: (common: TransferOptions, view: ProgressView) => Promise<TransferReport>,
): Promise<number> {
  const { progress: mode, quiet = false } = options;
  const { stderr: stream, env } = process;
  const now = (): number => performance.now();
  const view = createProgressView({ mode, quiet, side, startsPeer, stream, env, now, ...lines });
  const signals = watchSignals();
  const trace = options.trace === undefined ? undefined : new TransferTrace(side);
  let report: TransferReport | undefined;
  const onEvent = (event: TransferEvent): void => {
    if (event.type === 'end') report = event.report;
    trace?.onEvent(event);
    view.handle(event);
  };
  const onItem: OnItem = (item) => {
    view.handle({ type: 'item', side, ...item });
    return view.drained();
  };
  const common: TransferOptions = {
    stallAfterMs: options.stallAfter,
    stallTimeoutMs: options.stallTimeout,
    signal: signals.signal,
    // Our exit would end whatever still goes on in the background.
    abortGraceMs: Infinity,
    onEvent,
    onSample: trace?.onSample,
    onItem: options.itemize === true && !quiet ? onItem : undefined,
  };
  const files = new RunFiles();
  let exitCode: number;
  try {
    await files.open(options);
    await transfer(common, view);
    exitCode = 0;
  } catch (thrown) {
    const error = CtxsyncError.from(thrown);
    exitCode = exitCodeOf(error, signals.received());
    // A run that did not begin has reported nothing yet.
    if (report === undefined) onEvent({ type: 'end', side, report: notBegun(side, error) });
  }
  const unwritten = await files.write(report, exitCode, trace);
  const unsummed = report && (await appendJobSummary(env, report, exitCode, lines.outLabel));
  for (const message of [...unwritten, ...(unsummed === undefined ? [] : [unsummed])]) {
    view.handle({ type: 'warning', side, message });
  }
  signals.stop();
  await withTimeout(LAST_WORDS_MS, view.close());
  return exitCode;
}

export function exitCodeOf(error: CtxsyncError, signal: EndingSignal | undefined): number {
  const interrupted = error.code === 'interrupted' && signal !== undefined;
  return interrupted ? SIGNAL_EXIT_CODES[signal] : EXIT_CODES[error.code];
}
