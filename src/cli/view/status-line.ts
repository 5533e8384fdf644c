import { formatAge } from '../../observe/format-age.ts';
import type { Progress } from '../../observe/events.ts';
import {
  formatBytes,
  formatBytesOf,
  formatCount,
  formatRate,
  percentOf,
  phaseWords,
  printable,
} from './format.ts';
import { keepEnd, maxWidth } from './text-width.ts';

const SEPARATOR = ' · ';
/** Minimum columns for a path to be worth showing. */
const MIN_PATH_COLUMNS = 10;

/** The line that a terminal shows for a running transfer, in at most `columns` columns. */
export function statusLine(progress: Progress, columns: number): string {
  const head = fitting(segments(progress), columns);
  const path = printable(progress.path ?? '');
  const free = columns - maxWidth(head) - SEPARATOR.length;
  if (path === '' || free < Math.min(MIN_PATH_COLUMNS, maxWidth(path)))
    return keepEnd(head, columns);
  return `${head}${SEPARATOR}${keepEnd(path, free)}`;
}

/** `sending 61%`, or `sending` while the totals are not known, or `waiting: 2 senders ahead`. */
export function phaseText(progress: Progress): string {
  const { phase, queue, entries, bytes, totalEntries, totalBytes } = progress;
  if (phase === 'queued') return phaseWords(phase, queue);
  if (totalEntries === undefined || totalBytes === undefined) return phase;
  const percent = Math.min(percentOf(entries, totalEntries), percentOf(bytes, totalBytes));
  return `${phase} ${percent}%`;
}

/** `ETA 3s`; empty while it is not known. */
export function etaText({ etaSeconds }: Progress): string {
  return etaSeconds === undefined ? '' : `ETA ${formatAge(etaSeconds * 1_000)}`;
}

/** `374/612 MB`, or `374 MB` while the total is not known. */
export function bytesText({ bytes, totalBytes }: Progress): string {
  return totalBytes === undefined ? formatBytes(bytes) : formatBytesOf(bytes, totalBytes);
}

/** `12,345/86,955 entries`, or `12,345 entries` while the total is not known. */
export function entriesText({ entries, totalEntries }: Progress): string {
  const total = totalEntries === undefined ? '' : `/${formatCount(totalEntries)}`;
  return `${formatCount(entries)}${total} entries`;
}

interface Segment {
  text: string;
  /** The lowest is the last to be left out. */
  rank: number;
}

/** In the order in which they are shown. */
function segments(progress: Progress): Segment[] {
  return [
    { text: printable(phaseText(progress)), rank: 0 },
    { text: bytesText(progress), rank: 1 },
    { text: entriesText(progress), rank: 4 },
    { text: formatRate(progress.bytesPerSecond), rank: 3 },
    { text: etaText(progress), rank: 2 },
  ].filter(({ text }) => text !== '');
}

/** As many segments as fit, chosen by rank. */
function fitting(all: Segment[], columns: number): string {
  const kept = new Set<Segment>();
  let free = columns + SEPARATOR.length;
  for (const segment of all.toSorted((a, b) => a.rank - b.rank)) {
    free -= segment.text.length + SEPARATOR.length;
    if (free < 0 && kept.size > 0) break;
    kept.add(segment);
  }
  return all
    .filter((segment) => kept.has(segment))
    .map(({ text }) => text)
    .join(SEPARATOR);
}
