import type { TransferEvent } from '../../observe/events.ts';
import type { ServeEvent } from '../../serve/serve-options.ts';
import type { ProgressMode } from './progress-mode.ts';
import { eventLines, type Line, type Tone } from './event-lines.ts';
import { JsonView } from './json-view.ts';
import { LinesView } from './lines-view.ts';
import { printingOptions, type ProgressViewOptions } from './progress-view.ts';

/** An event of one transfer, or of the server itself. */
type Told = TransferEvent & Partial<Pick<ServeEvent, 'transfer' | 'destination'>>;

interface ServeView {
  handle(event: Told): void;
  close(): Promise<void>;
}

/** Shows many transfers at once, as events or lines: a spinner can only show one. */
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
  return new LinesView(printing, { tones: tonesOf(mode, quiet), linesOf: labelledLines() });
}

/** @returns undefined for all */
function tonesOf(mode: ProgressMode, quiet: boolean): Tone[] | undefined {
  if (quiet) return ['error'];
  return mode === 'none' ? ['warning', 'stall', 'resumed', 'error'] : undefined;
}

/** Lines with the number of their transfer and the directory that it is received into. */
function labelledLines(): (event: Told) => Line[] {
  const begun = new Set<number | undefined>();
  return (event) => {
    const label = labelOf(event);
    return linesOf(event, begun).map((line) => labelled(line, label));
  };
}

function labelled({ tone, text, annotation }: Line, label: string): Line {
  const line = { tone, text: label + text };
  if (annotation === undefined) return line;
  return { ...line, annotation: { ...annotation, message: label + annotation.message } };
}

/** A log shows when each transfer begins, even one that is over at once. @param begun those that have */
function linesOf(event: Told, begun: Set<number | undefined>): Line[] {
  if (event.type === 'end') begun.delete(event.transfer);
  if (event.type !== 'phase' || event.phase === 'queued') return eventLines(event);
  if (event.phase !== 'receiving' || begun.has(event.transfer)) return [];
  begun.add(event.transfer);
  return [{ tone: 'phase', text: event.phase }];
}

function labelOf({ transfer, destination }: Told): string {
  if (transfer === undefined) return '';
  return destination === undefined ? `#${transfer}: ` : `#${transfer} ${destination}: `;
}
