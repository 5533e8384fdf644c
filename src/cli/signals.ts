import { SIGNAL_EXIT_CODES, type EndingSignal } from './exit-code.ts';

const SIGNALS = Object.keys(SIGNAL_EXIT_CODES) as EndingSignal[];

export interface SignalWatch {
  /** Aborted by the first signal that asks us to end. */
  signal: AbortSignal;
  /** Which one it was. */
  received: () => EndingSignal | undefined;
  /** Signals end the process as ever again. */
  stop: () => void;
}

/** The first signal ends the run in good order; a second one ends the process at once. */
export function watchSignals(): SignalWatch {
  const controller = new AbortController();
  let received: EndingSignal | undefined;
  const onSignal = (signal: EndingSignal): void => {
    if (received === undefined) {
      received = signal;
      controller.abort();
      return;
    }
    stop();
    process.kill(process.pid, signal);
  };
  const stop = (): void => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return { signal: controller.signal, received: () => received, stop };
}
