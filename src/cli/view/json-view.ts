import type { TransferEvent } from '../../observe/events.ts';
import { lostLines } from './event-lines.ts';
import { jsonText } from './json-text.ts';
import type { ProgressOutput } from './progress-output.ts';
import type { ProgressView } from './view.ts';

/** Programs: every TransferEvent as one line of JSON, and nothing else ever. */
export class JsonView implements ProgressView {
  readonly speaks = false;
  readonly #output: ProgressOutput;
  readonly #quiet: boolean;
  /** Lines of a command's since the last one that was told. */
  #lost = 0;

  /** @param quiet only the end of a run that failed */
  constructor(output: ProgressOutput, quiet: boolean) {
    this.#output = output;
    this.#quiet = quiet;
  }

  handle(event: TransferEvent): void {
    if (this.#quiet && !(event.type === 'end' && event.report.result === 'failed')) return;
    // The next one says the same, and more.
    if (event.type === 'progress' && this.#output.busy) return;
    if (event.type === 'command-output' && this.#output.full) {
      this.#lost += 1;
      return;
    }
    if (this.#lost > 0) this.#write(lostLines(this.#lost));
    this.#lost = 0;
    this.#write(event);
  }

  async close(): Promise<void> {
    await this.#output.flush();
  }

  #write(event: TransferEvent): void {
    this.#output.write(`${jsonText(event)}\n`);
  }
}
