import { formatBytes, formatCount, printable } from './format.ts';
import type { ReportStyle } from './report-style.ts';
import { keepEnd, maxWidth } from './text-width.ts';

/** Columns of a bar on a terminal of 80 columns, and on a wide one. */
const BAR = 12;
const WIDE_BAR = 24;
const WIDE_COLUMNS = 110;

const SIZE_COLUMNS = 9;
const SHARE_COLUMNS = 5;
const COUNT_COLUMNS = 9;

export interface Figures {
  size: string;
  /** The bar shows this part of the whole. */
  part: number;
  whole: number;
  /** Absent where there is nothing to count. */
  entries?: number | undefined;
}

/** `  412 MB  67% ████████       35,123`: columns that line up, whatever the figures. */
export function figureColumns({ size, part, whole, entries }: Figures, style: ReportStyle): string {
  return [
    size.padStart(SIZE_COLUMNS),
    shareOf(part, whole).padStart(SHARE_COLUMNS),
    ` ${style.paint.cyan(barOf(part, whole, style))} `,
    (entries === undefined ? '' : formatCount(entries)).padStart(COUNT_COLUMNS),
  ].join('');
}

/** The title of a table, with the name of its column of counts. */
export function heading(title: string, counted: string, style: ReportStyle): string {
  const { paint } = style;
  const width = widthOf(figureColumns({ size: '', part: 0, whole: 0 }, style));
  const gap = Math.max(counted.length + 2, width - maxWidth(title));
  return paint.bold(printable(title)) + (counted === '' ? '' : paint.dim(counted.padStart(gap)));
}

/** A line of figures, which may be painted, and a text of any origin, which is cut to fit a terminal. */
export function fitted(figures: string, text: string, style: ReportStyle): string {
  const { columns, cuts, glyphs } = style;
  const shown = printable(text);
  const free = columns - widthOf(figures) - 3;
  return `${figures}  ${cuts ? keepEnd(shown, free, glyphs.ellipsis) : shown}`;
}

/** A text in lines that fit the terminal, each indented. */
export function wrapped(text: string, indent: number, { columns }: ReportStyle): string[] {
  const width = columns - indent - 1;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && maxWidth(line) + 1 + maxWidth(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => ' '.repeat(indent) + each);
}

/** `1,234 entries, 612 MB` */
export function amountText({ entries, bytes }: { entries: number; bytes: number }): string {
  return `${formatCount(entries)} ${entries === 1 ? 'entry' : 'entries'}, ${formatBytes(bytes)}`;
}

// oxlint-disable-next-line no-control-regex -- the colours of chalk
const COLOURS = /\u001b\[\d+m/g;

/** Columns of a painted text. */
export function widthOf(painted: string): number {
  return maxWidth(painted.replace(COLOURS, ''));
}

function barOf(part: number, whole: number, { columns, glyphs }: ReportStyle): string {
  const width = columns >= WIDE_COLUMNS ? WIDE_BAR : BAR;
  const shown = whole <= 0 ? 0 : Math.min(width, Math.round((width * part) / whole));
  return glyphs.bar.done.repeat(shown).padEnd(width);
}

function shareOf(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return '';
  const percent = (100 * part) / whole;
  return percent < 1 ? '<1%' : `${Math.floor(percent)}%`;
}
