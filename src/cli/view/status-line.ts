import { formatAge } from '../../observe/format-age.ts';
import type { Progress } from '../../observe/events.ts';
import {
  formatBytes,
  formatBytesOf,
  formatCount,
  formatRate,
  phaseWords,
  printable,
} from './format.ts';
import type { Glyphs } from './glyphs.ts';
import { progressBar } from './progress-bar.ts';
import { keepEnd, maxWidth } from './text-width.ts';

/** Minimum columns for a path to be worth showing. */
const MIN_PATH_COLUMNS = 10;

/** The line that a terminal shows for a running transfer, in at most `columns` columns. */
export function statusLine(progress: Progress, columns: number, glyphs: Glyphs): string {
  const { separator, ellipsis } = glyphs;
  const head = fitting(segments(progress, columns, glyphs), columns, separator);
  const path = printable(progress.path ?? '');
  const free = columns - maxWidth(head) - separator.length;
  if (path === '' || free < Math.min(MIN_PATH_COLUMNS, maxWidth(path))) {
    return keepEnd(head, columns, ellipsis);
  }
  return `${head}${separator}${keepEnd(path, free, ellipsis)}`;
}

/** `sending 61%`, or `sending` while the percentage is not known, or `waiting: 2 senders ahead`. */
export function phaseText({ phase, queue, percent }: Progress): string {
  if (phase === 'queued') return phaseWords(phase, queue);
  // What is committed was counted as done when it arrived.
  if (percent === undefined || phase === 'committing') return phase;
  return `${phase} ${percent}%`;
}

/** `stalled 9s, fails in 4m 51s`; empty while the transfer moves. */
function stallText({ stalledMs, failsInMs }: Progress): string {
  if (stalledMs === undefined) return '';
  const stalled = `stalled ${formatAge(stalledMs)}`;
  return failsInMs === undefined
    ? stalled
    : `${stalled}, fails in ${formatAge(Math.ceil(failsInMs / 1_000) * 1_000)}`;
}

/** `197 MB/s`; empty while no content moves, and until that is known. */
export function rateText({ bytesPerSecond }: Progress): string {
  return bytesPerSecond === 0 ? '' : formatRate(bytesPerSecond);
}

/** `ETA 3s`; empty while it is not known. */
export function etaText({ etaSeconds }: Progress): string {
  return etaSeconds === undefined ? '' : `ETA ${formatAge(etaSeconds * 1_000)}`;
}

/** `374/612 MB`, or `374 MB` while the total is not known; empty while contexts are only compared. */
export function bytesText({ phase, bytes, totalBytes }: Progress): string {
  if (phase === 'comparing' && bytes === 0) return '';
  return totalBytes === undefined ? formatBytes(bytes) : formatBytesOf(bytes, totalBytes);
}

/**
 * `12,345/86,955 entries`, or `12,345 entries` while the total is not known: those that were sent, or, while
 * contexts are compared, those that were compared.
 */
export function entriesText(progress: Progress): string {
  const { phase, comparedEntries = 0, contextEntries, entries, totalEntries } = progress;
  const [count, of] =
    phase === 'comparing' ? [comparedEntries, contextEntries] : [entries, totalEntries];
  return `${formatCount(count)}${of === undefined ? '' : `/${formatCount(of)}`} entries`;
}

interface Segment {
  text: string;
  /** The lowest is the last to be left out. */
  rank: number;
  /** A space before and after it is enough. */
  isBar?: boolean;
}

/** In the order in which they are shown. A stall takes the place of rate and ETA. */
function segments(progress: Progress, columns: number, glyphs: Glyphs): Segment[] {
  const { percent, phase } = progress;
  // What was done before it had to wait, if anything, does not matter now.
  if (phase === 'queued') return [{ text: printable(phaseText(progress)), rank: 0 }];
  const hasBar = percent !== undefined && phase !== 'committing';
  const stall = stallText(progress);
  const bytes = bytesText(progress);
  return [
    { text: printable(phaseText(progress)), rank: 1 },
    { text: hasBar ? progressBar(percent, columns, glyphs) : '', rank: 4, isBar: true },
    { text: stall, rank: 0 },
    { text: bytes, rank: 2 },
    { text: entriesText(progress), rank: bytes === '' ? 2 : 6 },
    { text: stall === '' ? rateText(progress) : '', rank: 5 },
    { text: stall === '' ? etaText(progress) : '', rank: 3 },
  ].filter(({ text }) => text !== '');
}

/** As many segments as fit, chosen by rank. */
function fitting(all: Segment[], columns: number, separator: string): string {
  const kept = new Set<Segment>();
  let free = columns + separator.length;
  for (const segment of all.toSorted((a, b) => a.rank - b.rank)) {
    free -= segment.text.length + separator.length;
    if (free < 0 && kept.size > 0) break;
    kept.add(segment);
  }
  let line = '';
  let isAfterBar = false;
  for (const { text, isBar = false } of all.filter((segment) => kept.has(segment))) {
    const between = isBar || isAfterBar ? ' ' : separator;
    line += line === '' ? text : between + text;
    isAfterBar = isBar;
  }
  return line;
}
