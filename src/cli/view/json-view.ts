import { REPORT_VERSION } from '../../report.ts';
import { lostLines } from './event-lines.ts';
import { jsonText } from './json-text.ts';
import type { ProgressOutput } from './progress-output.ts';
import type { ProgressView, ViewEvent } from './view.ts';

/** The first line: which version of schema/events.schema.json the others follow. */
interface StartEvent {
  type: 'start';
  version: 1;
}

/** For programs: every TransferEvent as one line of JSON, and never anything else. */
export class JsonView implements ProgressView {
  readonly speaks = false;
  readonly #output: ProgressOutput;
  readonly #quiet: boolean;
  #started = false;
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
    if (!this.#started && !this.#quiet) this.#write({ type: 'start', version: REPORT_VERSION });
    this.#started = true;
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

  #write(event: ViewEvent | StartEvent): void {
    this.#output.write(`${jsonText(event)}\n`);
  }
}
