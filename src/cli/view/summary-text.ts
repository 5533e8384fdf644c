import type { TransferReport } from '../../report.ts';
import { closingLine, failureLines } from './closing-line.ts';
import { formatBytes, formatCount, formatDuration, printable } from './format.ts';

/** The outcome of a run as a small table in Markdown, for the summary of a CI job. */
export function summaryText(report: TransferReport, exitCode: number, outLabel?: string): string {
  const { result, side, entries, bytes, times, stalls } = report;
  const outcome =
    result === 'done'
      ? closingLine(report, outLabel)
      : failureLines(report)
          .join('; ')
          .replace(/^error: /, '');
  const cells = [
    result === 'done' ? 'done' : `failed (${exitCode})`,
    formatCount(entries),
    formatBytes(bytes),
    formatDuration(times.totalMs),
    formatCount(stalls.length),
    outcome,
  ];
  return `| ctxsync ${side === 'sender' ? 'send' : 'receive'} | entries | bytes | time | stalls | outcome |
| --- | ---: | ---: | ---: | ---: | --- |
| ${cells.map(cell).join(' | ')} |

`;
}

/** Of any origin: nothing in it is markup (CommonMark 0.31, 2.4 Backslash escapes). */
function cell(text: string): string {
  return printable(text).replaceAll(/[\\`*_[\]<>|~&#$]/g, '\\$&');
}
