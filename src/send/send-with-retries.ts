import { setTimeout as delay } from 'node:timers/promises';
import { CtxsyncError, type ErrorCode } from '../errors.ts';
import { MAX_RETRY_DELAY_MS, RETRY_DELAY_MS } from '../limits.ts';
import type { TransferEvent } from '../observe/events.ts';
import type { TransferReport } from '../report.ts';
import { failedWith, notBegun } from '../transfer/report.ts';
import { runToReport } from '../transfer/run.ts';
import { couldNotStart } from '../transport/command.ts';
import type { AnyOutgoing } from '../transport/to-transport.ts';
import type { SendOptions } from './send-options.ts';
import { SendRun } from './send-run.ts';

/** Errors after which the connection is gone, or never was. Sending again is safe, whatever has arrived. */
const LOST = new Set<string>([
  'peer-gone',
  'truncated',
  'no-peer',
  'outcome-unknown',
] satisfies ErrorCode[]);

/**
 * Connects and sends, and does both again if the connection is lost. The event `end` and the report are those
 * of the last try.
 * @throws CtxsyncError with the report
 */
export async function sendWithRetries(options: SendOptions): Promise<TransferReport> {
  const { retries, signal, onEvent } = options;
  let wasLost = false;
  for (let tries = 1; ; tries += 1) {
    const error = await attempt(options, retries === undefined ? undefined : tries);
    if (!(error instanceof CtxsyncError)) return error;
    const mayRetry = tries <= (retries ?? 0) && signal?.aborted !== true;
    if (!mayRetry || !isWorthRetry(error, wasLost)) throw ended(error, onEvent);
    wasLost = true;
    const delayMs = Math.min(RETRY_DELAY_MS * 2 ** (tries - 1), MAX_RETRY_DELAY_MS);
    const { code, message, path } = error;
    const lost = { code, message, path };
    onEvent?.({
      type: 'retry',
      side: 'sender',
      error: lost,
      delayMs,
      retry: tries,
      retries: retries!,
    });
    if (!(await pause(delayMs, signal))) throw ended(interrupted(error, signal), onEvent);
  }
}

/** @returns the report of a try that succeeded, or an error with the report of one that failed */
async function attempt(
  options: SendOptions,
  tries: number | undefined,
): Promise<TransferReport | CtxsyncError> {
  const { onEvent } = options;
  let report: TransferReport | undefined;
  try {
    const to = await connect(options.to);
    // The end of a try need not be that of all.
    const beforeEnd = (event: TransferEvent): void => {
      if (event.type !== 'end') onEvent?.(event);
    };
    report = await runToReport(new SendRun({ ...options, to, onEvent: beforeEnd }));
  } catch (thrown) {
    const error = CtxsyncError.from(thrown);
    error.report = { ...(error.report ?? notBegun('sender', error)), tries };
    return error;
  }
  report = { ...report, tries };
  onEvent?.({ type: 'end', side: 'sender', report });
  return report;
}

async function connect(to: SendOptions['to']): Promise<AnyOutgoing> {
  if (typeof to !== 'function') return to;
  try {
    return await to();
  } catch (cause) {
    if (cause instanceof CtxsyncError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CtxsyncError('no-peer', `cannot connect: ${why}`, { cause });
  }
}

/** @param wasLost an earlier try was: its receiver may not have noticed yet, and hold OUT */
function isWorthRetry(error: CtxsyncError, wasLost: boolean): boolean {
  if (couldNotStart(error)) return false;
  const { code, peer } = error;
  if (code !== 'peer-failed') return LOST.has(code);
  return LOST.has(peer?.code ?? '') || (wasLost && peer?.code === 'locked');
}

function ended(error: CtxsyncError, onEvent: SendOptions['onEvent']): CtxsyncError {
  onEvent?.({ type: 'end', side: 'sender', report: error.report! });
  return error;
}

/** @returns false when it was aborted */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

/** The end of a wait for the next try. What is unknown of the last one stays so. */
function interrupted(last: CtxsyncError, signal: AbortSignal | undefined): CtxsyncError {
  if (last.code === 'outcome-unknown') return last;
  const message = `interrupted before the next try; nothing was committed (${last.message})`;
  const error = new CtxsyncError('interrupted', message, { cause: signal?.reason });
  error.report = failedWith(last.report!, error);
  return error;
}
