import { restoreDescriptors } from '../transport/shared-descriptor.ts';
import { SIGNAL_EXIT_CODES, type EndingSignal } from './exit-code.ts';
import { readIgnoredSignals } from './ignored-signals.ts';

const SIGNALS = Object.keys(SIGNAL_EXIT_CODES) as EndingSignal[];

export interface SignalWatch {
  /** Aborted by the first signal that requests termination. */
  signal: AbortSignal;
  /** The signal that was received first. */
  received: () => EndingSignal | undefined;
  /** Lets signals end the process again, except those that were ignored when it started. */
  stop: () => void;
}

/** The first signal ends the run cleanly; a second one ends the process at once. */
export function watchSignals(): SignalWatch {
  const isIgnored = readIgnoredSignals(process.env);
  const controller = new AbortController();
  let received: EndingSignal | undefined;
  const onSignal = (signal: EndingSignal): void => {
    if (isIgnored(signal)) return;
    if (received === undefined) {
      received = signal;
      controller.abort();
      return;
    }
    stop();
    endBySignal(signal);
  };
  const stop = (): void => {
    for (const signal of SIGNALS) if (!isIgnored(signal)) process.off(signal, onSignal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  // Without a listener SIGQUIT would leave shared descriptors changed.
  if (!isIgnored('SIGQUIT')) process.once('SIGQUIT', endBySignal);
  else process.on('SIGQUIT', () => {});
  return { signal: controller.signal, received: () => received, stop };
}

/** The signal's own listener must have been removed. */
function endBySignal(signal: NodeJS.Signals): void {
  restoreDescriptors();
  process.kill(process.pid, signal);
}
