import type { TransferEvent } from '../../observe/events.ts';
import type { ProgressView, ViewEvent } from './view.ts';

/**
 * Shows the error of a receiver that we started only once. It prints its error to stderr, which reaches
 * us, and also sends it to us, and our own last line repeats it.
 */
export class WithoutEcho implements ProgressView {
  readonly speaks: boolean;
  readonly #view: ProgressView;
  /** The line that may prove to be the same as our own. */
  #held: (TransferEvent & { type: 'command-output' }) | undefined;

  constructor(view: ProgressView) {
    this.#view = view;
    this.speaks = view.speaks;
  }

  handle(event: ViewEvent): void {
    if (event.type === 'command-output' && isErrorOfReceiver(event.line)) {
      this.#release();
      this.#held = event;
      return;
    }
    if (event.type === 'end') {
      const peerWords = event.report.peerError?.message;
      if (peerWords !== undefined && this.#held?.line.includes(peerWords) === true) {
        this.#held = undefined;
      }
      this.#release();
    }
    this.#view.handle(event);
  }

  drained(): Promise<void> {
    return this.#view.drained();
  }

  close(): Promise<void> {
    return this.#view.close();
  }

  #release(): void {
    if (this.#held !== undefined) this.#view.handle(this.#held);
    this.#held = undefined;
  }
}

/** With or without colours, which a receiver may have been told to use. */
function isErrorOfReceiver(line: string): boolean {
  return /ctxsync receive: .*error: /.test(line);
}
