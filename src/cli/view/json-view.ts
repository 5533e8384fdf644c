import { lostLines } from './event-lines.ts';
import { jsonText } from './json-text.ts';
import type { ProgressOutput } from './progress-output.ts';
import type { ProgressView, ViewEvent } from './view.ts';

/** For programs: every TransferEvent as one line of JSON, and never anything else. */
export class JsonView implements ProgressView {
  readonly speaks = false;
  readonly #output: ProgressOutput;
  readonly #quiet: boolean;
  /** Lines of a command dropped since the last event. */
  #lost = 0;

  /** @param quiet write only the end of a failed run */
  constructor(output: ProgressOutput, quiet: boolean) {
    this.#output = output;
    this.#quiet = quiet;
  }

  handle(event: ViewEvent): void {
    if (this.#quiet && !(event.type === 'end' && event.report.result === 'failed')) return;
    // The next progress event replaces it.
    if (event.type === 'progress' && this.#output.busy) return;
    if (event.type === 'command-output' && this.#output.full) {
      this.#lost += 1;
      return;
    }
    if (this.#lost > 0) this.#write(lostLines(this.#lost));
    this.#lost = 0;
    this.#write(event);
  }

  async drained(): Promise<void> {
    await this.#output.drained();
  }

  async close(): Promise<void> {
    await this.#output.flush();
  }

  #write(event: ViewEvent): void {
    this.#output.write(`${jsonText(event)}\n`);
  }
}
