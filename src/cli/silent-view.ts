import type { TransferEvent } from '../observe/events.ts';
import { eventLines, type Tone } from './event-lines.ts';
import { LinePrinter, type LinePrinterOptions } from './line-printer.ts';
import type { ProgressView } from './view.ts';

/** No progress and no closing line: only lines of the given tones. */
export class SilentView implements ProgressView {
  readonly speaks = false;
  readonly #printer: LinePrinter;
  readonly #tones: Tone[];

  constructor(options: LinePrinterOptions, tones: Tone[]) {
    this.#printer = new LinePrinter(options);
    this.#tones = tones;
  }

  handle(event: TransferEvent): void {
    for (const line of eventLines(event)) {
      if (this.#tones.includes(line.tone)) this.#printer.print(line);
    }
  }

  async close(): Promise<void> {
    await this.#printer.close();
  }
}
