import type { PathNotes, Side, TimeShares, TransferReport } from '../../report.ts';
import { peerOf } from '../../observe/peer-of.ts';
import { shortPath, withPath } from '../../short-path.ts';
import { withRemedy } from './remedy-text.ts';
import { formatBytes, formatCount, formatDuration, formatRate, shares } from './format.ts';

/** Paths of a list that are printed; the report has more. */
const NAMED_PATHS = 3;

/** The closing line of a successful run: how much, how fast, and where the time went. */
export function closingLine(report: TransferReport, outLabel?: string): string {
  const verb = report.side === 'sender' ? 'sent' : 'received';
  const into = outLabel === undefined ? '' : ` into ${outLabel}`;
  const entries = plural(report.entries, 'entry', 'entries');
  const took = formatDuration(report.times.totalMs);
  const parts = [
    `${verb} ${entries}, ${formatBytes(report.bytes)}${into} in ${took}${speed(report)}`,
    whatChanged(report.counts),
    whereTheTimeWent(report.times),
  ];
  return parts.filter((part) => part !== '').join(' · ');
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

function speed({ bytes, times }: TransferReport): string {
  if (bytes === 0 || times.totalMs === 0) return '';
  return ` (${formatRate((bytes * 1_000) / times.totalMs)})`;
}

/** Empty if everything was sent and nothing removed: the rest of the line shows that already. */
function whatChanged(counts: TransferReport['counts']): string {
  const { written = 0, unchanged = 0, removed = 0 } = counts ?? {};
  const parts: string[] = [];
  if (unchanged > 0) parts.push(`${formatCount(written)} changed`);
  if (unchanged > 0) parts.push(`${formatCount(unchanged)} unchanged`);
  if (removed > 0) parts.push(`${formatCount(removed)} removed`);
  return parts.join(', ');
}

function whereTheTimeWent({ totalMs, sourceMs, wireMs, destinationMs }: TimeShares): string {
  if (totalMs === 0) return '';
  if (destinationMs === undefined) {
    const [source, wire] = shares([sourceMs, wireMs]);
    return `source ${source}%, waiting for the receiver ${wire}%`;
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
