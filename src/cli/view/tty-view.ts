import type { TransferEvent } from '../../observe/events.ts';
import type { Line } from './event-lines.ts';
import { LinePrinter, type LinePrinterOptions } from './line-printer.ts';
import { Spinner } from './spinner.ts';
import { statusLine } from './status-line.ts';
import type { ProgressView } from './view.ts';

/** For a terminal: one line that changes, and permanent lines above it. */
export class TtyView implements ProgressView {
  readonly speaks = true;
  readonly #spinner: Spinner;
  readonly #printer: LinePrinter;
  readonly #linesOf: (event: TransferEvent) => Line[];

  constructor(options: LinePrinterOptions, linesOf: (event: TransferEvent) => Line[]) {
    this.#spinner = new Spinner(options.output, options.colour);
    this.#printer = new LinePrinter({
      ...options,
      around: (write) => this.#spinner.around(write),
    });
    this.#linesOf = linesOf;
  }

  handle(event: TransferEvent): void {
    if (event.type === 'progress') {
      // Before data flows, others may use the line: ssh may be asking for a password.
      if (event.phase === 'preparing') return;
      this.#printer.warmUp();
      this.#spinner.show(statusLine(event, this.#spinner.columns));
      return;
    }
    if (event.type === 'peer-shows-progress' || event.type === 'end') this.#spinner.stop();
    for (const line of this.#linesOf(event)) {
      // The spinner's line shows these.
      if (line.tone !== 'phase' && line.tone !== 'queued') this.#printer.print(line);
    }
  }

  async close(): Promise<void> {
    this.#spinner.stop();
    await this.#printer.close();
  }
}
