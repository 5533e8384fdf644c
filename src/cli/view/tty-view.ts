import type { Line } from './event-lines.ts';
import { LinePrinter, type LinePrinterOptions } from './line-printer.ts';
import type { Glyphs } from './glyphs.ts';
import { Spinner } from './spinner.ts';
import { SteadyFigures } from './steady-figures.ts';
import { statusLine } from './status-line.ts';
import type { ProgressView, ViewEvent } from './view.ts';

/** For a terminal: one line that changes, and permanent lines above it. */
export class TtyView implements ProgressView {
  readonly speaks = true;
  readonly #spinner: Spinner;
  readonly #printer: LinePrinter;
  readonly #glyphs: Glyphs;
  readonly #steady = new SteadyFigures();
  readonly #linesOf: (event: ViewEvent) => Line[];

  constructor(
    options: LinePrinterOptions,
    { linesOf, glyphs }: { linesOf: (event: ViewEvent) => Line[]; glyphs: Glyphs },
  ) {
    this.#spinner = new Spinner(options.output, { colour: options.colour, frames: glyphs.frames });
    this.#glyphs = glyphs;
    this.#printer = new LinePrinter({
      ...options,
      around: (write) => this.#spinner.around(write),
    });
    this.#linesOf = linesOf;
  }

  handle(event: ViewEvent): void {
    if (event.type === 'progress') {
      // Before data flows, others may use the line: ssh may be asking for a password.
      if (event.phase === 'preparing') return;
      this.#printer.warmUp();
      const steady = this.#steady.of(event);
      this.#spinner.show(statusLine(steady, this.#spinner.columns, this.#glyphs));
      return;
    }
    if (event.type === 'peer-shows-progress' || event.type === 'end') this.#spinner.stop();
    for (const line of this.#linesOf(event)) {
      // The spinner's line shows these.
      if (line.tone !== 'phase' && line.tone !== 'queued') this.#printer.print(line);
    }
  }

  async drained(): Promise<void> {
    await this.#printer.drained();
  }

  async close(): Promise<void> {
    this.#spinner.stop();
    await this.#printer.close();
  }
}
