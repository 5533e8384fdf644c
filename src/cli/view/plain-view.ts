import { PLAIN_LINE_MS } from '../../limits.ts';
import type { Progress } from '../../observe/events.ts';
import type { Line } from './event-lines.ts';
import { LinePrinter, type LinePrinterOptions } from './line-printer.ts';
import { bytesText, entriesText, etaText, phaseText, rateText } from './status-line.ts';
import type { ProgressView, ViewEvent } from './view.ts';

export interface PlainViewOptions {
  /** The lines for an event. */
  linesOf: (event: ViewEvent) => Line[];
  /** Milliseconds. */
  now: () => number;
  speaks: boolean;
  /** Show progress; otherwise the other side does, and only warnings and the end are shown. */
  showsProgress: boolean;
}

/** For a log: lines are only appended, and progress gets at most one line per PLAIN_LINE_MS. */
export class PlainView implements ProgressView {
  readonly speaks: boolean;
  readonly #printer: LinePrinter;
  readonly #output: LinePrinterOptions['output'];
  readonly #linesOf: (event: ViewEvent) => Line[];
  readonly #now: () => number;
  #peerSpeaks: boolean;
  #lastLineAt: number;
  /** Figures of the last progress line: unchanged figures are not printed again. */
  #lastFigures = '';

  constructor(
    options: LinePrinterOptions,
    { linesOf, now, speaks, showsProgress }: PlainViewOptions,
  ) {
    this.#peerSpeaks = !showsProgress;
    this.#printer = new LinePrinter(options);
    this.#output = options.output;
    this.#linesOf = linesOf;
    this.#now = now;
    this.speaks = speaks;
    this.#lastLineAt = now();
  }

  handle(event: ViewEvent): void {
    if (event.type === 'peer-shows-progress') this.#peerSpeaks = true;
    if (event.type === 'progress') this.#progress(event);
    for (const line of this.#linesOf(event)) this.#line(line);
  }

  async drained(): Promise<void> {
    await this.#printer.drained();
  }

  async close(): Promise<void> {
    await this.#printer.close();
  }

  #line(line: Line): void {
    if (line.tone === 'phase') {
      if (this.#peerSpeaks) return;
      this.#lastLineAt = this.#now();
    }
    this.#printer.print(line);
  }

  #progress(progress: Progress): void {
    if (this.#peerSpeaks || this.#output.busy) return;
    const now = this.#now();
    if (now - this.#lastLineAt < PLAIN_LINE_MS) return;
    const { phase, entries, bytes, comparedEntries } = progress;
    const figures = [phase, entries, bytes, comparedEntries].join(' ');
    if (figures === this.#lastFigures) return;
    this.#lastLineAt = now;
    this.#lastFigures = figures;
    this.#printer.print({ tone: 'phase', text: progressText(progress) });
  }
}

function progressText(progress: Progress): string {
  return [
    phaseText(progress),
    bytesText(progress),
    entriesText(progress),
    rateText(progress),
    etaText(progress),
    progress.path ?? '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}
