import type { TransferEvent } from '../observe/events.ts';
import type { ServeEvent } from '../session/serve-options.ts';
import { eventLines, type Line, type Tone } from './event-lines.ts';
import { JsonView } from './json-view.ts';
import { LinePrinter, type LinePrinterOptions } from './line-printer.ts';
import { printingOptions, type ProgressViewOptions } from './progress-view.ts';

/** What one transfer tells, or the serving itself. */
type Told = TransferEvent & Partial<Pick<ServeEvent, 'transfer' | 'destination'>>;

interface ServeView {
  handle(event: Told): void;
  close(): Promise<void>;
}

/** Many transfers on one screen: events, or lines; a spinner can only turn for one. */
export function createServeView(
  options: Pick<ProgressViewOptions, 'mode' | 'quiet' | 'stream' | 'env'>,
): ServeView {
  const { mode, quiet, stream, env } = options;
  const printing = printingOptions(
    { side: 'receiver', stream, env },
    // A terminal may have its colours without a spinner.
    mode === 'plain' || mode === 'json' ? mode : 'none',
  );
  if (mode === 'json') return new JsonView(printing.output, quiet);
  if (quiet) return new Lines(printing, ['error']);
  if (mode === 'none') return new Lines(printing, ['warning', 'stall', 'resumed', 'error']);
  return new Lines(printing);
}

/** Lines that stay, each with the number of its transfer and the folder that this lands in. */
class Lines implements ServeView {
  readonly #printer: LinePrinter;
  readonly #tones: readonly Tone[] | undefined;

  /** @param tones only these; default: all */
  constructor(options: LinePrinterOptions, tones?: readonly Tone[]) {
    this.#printer = new LinePrinter(options);
    this.#tones = tones;
  }

  handle(event: Told): void {
    for (const { tone, text } of linesOf(event)) {
      if (this.#tones?.includes(tone) === false) continue;
      this.#printer.print({ tone, text: labelOf(event) + text });
    }
  }

  async close(): Promise<void> {
    await this.#printer.close();
  }
}

/** A log says when each transfer begins, also of one that is over at once. */
function linesOf(event: Told): Line[] {
  if (event.type !== 'phase' || event.phase === 'queued') return eventLines(event);
  return event.phase === 'receiving' ? [{ tone: 'phase', text: event.phase }] : [];
}

function labelOf({ transfer, destination }: Told): string {
  if (transfer === undefined) return '';
  return destination === undefined ? `#${transfer}: ` : `#${transfer} ${destination}: `;
}
