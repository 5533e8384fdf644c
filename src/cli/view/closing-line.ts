import type { PathNotes, Side, TimeShares, TransferReport } from '../../report.ts';
import { peerOf } from '../../observe/peer-of.ts';
import { shortPath, withPath } from '../../short-path.ts';
import { withRemedy } from './remedy-text.ts';
import { formatBytes, formatCount, formatDuration, formatRate, shares } from './format.ts';

/** Paths of a list that are printed; the report has more. */
const NAMED_PATHS = 3;

/** Milliseconds that a run must have taken for people to ask where its time went. */
const WORTH_EXPLAINING_MS = 3_000;

/**
 * The closing line of a successful run: what it changed, or else how much it sent and how fast; and, if it
 * took some seconds, where the time went.
 */
export function closingLine(report: TransferReport, outLabel?: string): string {
  const { totalMs } = report.times;
  const why = totalMs < WORTH_EXPLAINING_MS ? '' : `; ${whereTheTimeWent(report.times)}`;
  return `${whatWasDone(report, outLabel)}${why}`;
}

/** The lines of a failed run: what happened, and the peer's message if the peer failed. */
export function failureLines(report: TransferReport): string[] {
  const { error, peerError } = report;
  const message = error?.message ?? 'the transfer failed';
  const what = withRemedy(withPath(message, error?.path), error?.remedy);
  const lines = [`error: ${what}${error?.code === 'usage' ? seeHelp(report.side) : ''}`];
  if (peerError !== undefined && !message.includes(peerError.message)) {
    lines.push(`the ${peerOf(report.side)} said: ${peerError.message} (${peerError.code})`);
  }
  return lines;
}

function seeHelp(side: Side): string {
  return ` (see "ctxsync ${side === 'sender' ? 'send' : 'receive'} --help")`;
}

/** What was not sent, or not as it was, and what was removed: one line each, counted, the first few named. */
export function noteLines(report: TransferReport): string[] {
  return [
    noteLine(report.skipped, 'not sent'),
    noteLine(report.changed, `not sent as ${report.changed.count === 1 ? 'it was' : 'they were'}`),
    removedLine(report.removed),
  ].filter((line) => line !== '');
}

function whatWasDone(report: TransferReport, outLabel: string | undefined): string {
  const { side, entries, bytes, times } = report;
  const { written = 0, metadataOnly = 0, unchanged = 0, removed = 0 } = report.counts ?? {};
  const there = metadataOnly + unchanged;
  const took = formatDuration(times.totalMs);
  if (unchanged > 0 && written + metadataOnly + removed === 0) {
    const where = outLabel === undefined ? '' : ` in ${outLabel}`;
    return `up to date, ${plural(unchanged, 'entry', 'entries')} unchanged${where} (${took})`;
  }
  const into = outLabel === undefined ? '' : ` into ${outLabel}`;
  const parts =
    there > 0
      ? [
          counted(written, 'changed'),
          counted(metadataOnly, 'only in mode or time'),
          counted(removed, 'removed'),
          counted(unchanged, 'unchanged'),
        ]
      : [
          `${side === 'sender' ? 'sent' : 'received'} ${plural(entries, 'entry', 'entries')}`,
          counted(removed, 'removed'),
        ];
  if (there === 0 || bytes > 0) parts.push(formatBytes(bytes));
  const rate = there > 0 ? '' : speed(report);
  return `${parts.filter((part) => part !== '').join(', ')}${into} in ${took}${rate}`;
}

function counted(count: number, what: string): string {
  return count === 0 ? '' : `${formatCount(count)} ${what}`;
}

function speed({ bytes, times }: TransferReport): string {
  if (bytes === 0 || times.totalMs === 0) return '';
  return ` (${formatRate((bytes * 1_000) / times.totalMs)})`;
}

/** A side that cannot see the destination waited for the wire or the receiver: it does not know which. */
function whereTheTimeWent({ sourceMs, wireMs, destinationMs }: TimeShares): string {
  if (destinationMs === undefined) {
    const [source, other] = shares([sourceMs, wireMs]);
    return `source ${source}%, wire or receiver ${other}%`;
  }
  const [source, wire, destination] = shares([sourceMs, wireMs, destinationMs]);
  return `source ${source}%, wire ${wire}%, destination ${destination}%`;
}

function removedLine({ count, paths }: PathNotes): string {
  if (count === 0) return '';
  const named = paths.slice(0, NAMED_PATHS).map(({ path }) => shortPath(path));
  return `removed ${listed(named, count)}`;
}

function noteLine({ count, paths }: PathNotes, what: string): string {
  if (count === 0) return '';
  const named = paths
    .slice(0, NAMED_PATHS)
    .map(({ path, reason }) => `${shortPath(path)} (${reason})`);
  return `${plural(count, 'entry', 'entries')} ${what}: ${listed(named, count)}`;
}

function listed(named: readonly string[], count: number): string {
  const rest = count - named.length;
  return [...named, ...(rest > 0 ? [`and ${formatCount(rest)} more`] : [])].join(', ');
}

function plural(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
