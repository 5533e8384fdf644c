import type { TransferEvent } from '../observe/events.ts';
import type { ProgressOutput } from './progress-output.ts';
import type { ProgressView } from './view.ts';

/** Programs: every TransferEvent as one line of JSON, and nothing else ever. */
export class JsonView implements ProgressView {
  readonly speaks = false;
  readonly #output: ProgressOutput;
  readonly #quiet: boolean;

  /** @param quiet only the end of a run that failed */
  constructor(output: ProgressOutput, quiet: boolean) {
    this.#output = output;
    this.#quiet = quiet;
  }

  handle(event: TransferEvent): void {
    if (this.#quiet && !(event.type === 'end' && event.report.result === 'failed')) return;
    // The next one says the same, and more.
    if (event.type === 'progress' && this.#output.busy) return;
    this.#output.write(`${JSON.stringify(event)}\n`);
  }

  async close(): Promise<void> {
    await this.#output.flush();
  }
}
