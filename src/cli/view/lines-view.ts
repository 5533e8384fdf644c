import { eventLines, type Line, type Tone } from './event-lines.ts';
import { LinePrinter, type LinePrinterOptions } from './line-printer.ts';
import type { ProgressView, ViewEvent } from './view.ts';

export interface LinesViewOptions<Event> {
  /** Only these; default: all. */
  tones?: readonly Tone[] | undefined;
  /** The lines for an event. */
  linesOf?: (event: Event) => Line[];
}

/** Prints permanent lines, and no progress. */
export class LinesView<Event extends ViewEvent = ViewEvent> implements ProgressView {
  readonly speaks = false;
  readonly #printer: LinePrinter;
  readonly #tones: readonly Tone[] | undefined;
  readonly #linesOf: (event: Event) => Line[];

  constructor(
    printing: LinePrinterOptions,
    { tones, linesOf = eventLines }: LinesViewOptions<Event> = {},
  ) {
    this.#printer = new LinePrinter(printing);
    this.#tones = tones;
    this.#linesOf = linesOf;
  }

  handle(event: Event): void {
    for (const line of this.#linesOf(event)) {
      if (this.#tones?.includes(line.tone) !== false) this.#printer.print(line);
    }
  }

  async drained(): Promise<void> {
    await this.#printer.drained();
  }

  async close(): Promise<void> {
    await this.#printer.close();
  }
}
