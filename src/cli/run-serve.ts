import { CtxsyncError } from '../errors.ts';
import { LAST_WORDS_MS } from '../limits.ts';
import { notBegun } from '../transfer/report.ts';
import { serve } from '../serve/serve.ts';
import type { ServeOptions } from '../serve/serve-options.ts';
import { withTimeout } from '../with-timeout.ts';
import { checkOut, directoryTarget } from './out-argument.ts';
import type { ReceiveCommandOptions } from './run-receive.ts';
import { exitCodeOf } from './run-transfer.ts';
import { createServeView } from './view/serve-view.ts';
import { watchSignals } from './signals.ts';
import { usageError } from './usage-error.ts';

/**
 * `receive --serve`: exits with 0 after SIGTERM, when running transfers have finished; SIGINT and
 * SIGHUP interrupt those too.
 *
 * @returns the exit status
 */
export async function runServe(out: string, options: ReceiveCommandOptions): Promise<number> {
  const { progress: mode, quiet = false } = options;
  const { stderr: stream, env } = process;
  const view = createServeView({ mode, quiet, stream, env });
  const signals = watchSignals();
  const finish = new AbortController();
  const interrupt = new AbortController();
  signals.signal.addEventListener('abort', () => {
    (signals.received() === 'SIGTERM' ? finish : interrupt).abort();
  });
  let exitCode = 0;
  try {
    await serve({
      ...serveOptions(out, options),
      signal: interrupt.signal,
      finish: finish.signal,
      abortGraceMs: Infinity,
      onListening: () =>
        view.handle({ type: 'waiting', side: 'receiver', socket: options.socket ?? '' }),
      onEvent: (event) => view.handle(event),
    });
  } catch (thrown) {
    const error = CtxsyncError.from(thrown);
    exitCode = exitCodeOf(error, signals.received());
    view.handle({ type: 'end', side: 'receiver', report: notBegun('receiver', error) });
  }
  signals.stop();
  await withTimeout(LAST_WORDS_MS, view.close());
  return exitCode;
}

/** @throws CtxsyncError usage */
function serveOptions(out: string, options: ReceiveCommandOptions): ServeOptions {
  const { socket, report, trace, maxBytes, maxEntries } = options;
  const { stallAfter: stallAfterMs, stallTimeout: stallTimeoutMs } = options;
  if (socket === undefined) {
    throw usageError('--serve needs --socket PATH: the path that senders connect to');
  }
  checkOut(out);
  if (out === '-') throw usageError('--serve is for a directory; "receive -" writes one tar');
  if (report !== undefined) {
    throw usageError(
      '--report is for one transfer; with --serve, --progress json reports each outcome',
    );
  }
  if (trace !== undefined) {
    throw usageError('--trace is for one transfer; with --serve, trace the sender instead');
  }
  if (options.itemize === true) {
    throw usageError('--itemize is for one transfer; with --serve, each sender may give it');
  }
  const to = directoryTarget(out, options);
  return { socket, to, maxBytes, maxEntries, stallAfterMs, stallTimeoutMs };
}
