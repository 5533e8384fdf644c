import type { ExplainedContext } from '../../explain/explain.ts';
import type { PathNotes } from '../../report.ts';
import { shortSource } from '../../survey/rule-source.ts';
import type { Hint } from '../../survey/survey-report.ts';
import { findingText } from './finding-text.ts';
import { formatBytes, formatCount, printable } from './format.ts';
import type { ReportStyle } from './report-style.ts';
import { ruleTable } from './rule-table.ts';
import { amountText, figureColumns, fitted, heading, wrapped } from './report-columns.ts';

/** Paths of a list that are shown. */
const NAMED_PATHS = 5;

/** What a person reads about a context: totals, the largest in it, what each rule does, and what looks wrong. */
export function contextText(context: ExplainedContext, style: ReportStyle): string {
  const sections = [
    summary(context, style),
    sizes('Largest directories', context.largestDirectories, context, style),
    sizes('Largest files', context.largestFiles, context, style),
    ruleTable(context, style),
    hintLines(context, style),
    findingLines(context, style),
    noteLines('Never sent', context.skipped, style),
    noteLines('Cannot be read, so a transfer fails', context.unreadable, style),
  ];
  const lines = sections
    .filter((section) => section.length > 0)
    .map((section) => section.join('\n'));
  return `${lines.join('\n\n')}\n`;
}

function summary(context: ExplainedContext, { paint }: ReportStyle): string[] {
  const { name, directory, sent, leftOut, measured } = context;
  const title = paint.bold(printable(name === '' ? directory : `${name}=${directory}`));
  const atLeast = measured === 'part' ? 'at least ' : '';
  const ignored =
    leftOut.entries === 0 ? 'nothing is ignored' : `${atLeast}${amountText(leftOut)} ignored`;
  const unknown =
    measured === 'none' && leftOut.entries > 0 ? ' (ignored directories not looked into)' : '';
  return [
    title,
    `  ${paint.green(`${amountText(sent)} would be sent`)}`,
    `  ${paint.dim(ignored + unknown)}`,
  ];
}

interface Sized {
  path: string;
  bytes: number;
  /** Of a directory. */
  entries?: number;
}

function sizes(
  title: string,
  items: readonly Sized[],
  { sent }: ExplainedContext,
  style: ReportStyle,
): string[] {
  if (items.length === 0) return [];
  const rows = items.map(({ path, bytes, entries }) => {
    const figures = { size: formatBytes(bytes), part: bytes, whole: sent.bytes, entries };
    return fitted(figureColumns(figures, style), path, style);
  });
  const counted = items.some(({ entries }) => entries !== undefined) ? 'entries' : '';
  return [heading(title, counted, style), ...rows];
}

function hintLines({ hints, directory }: ExplainedContext, style: ReportStyle): string[] {
  if (hints.length === 0) return [];
  return [
    style.paint.bold('Hints'),
    ...hints.flatMap((hint) => [
      `  ${style.paint.yellow(printable(whereOf(hint, directory)))}`,
      ...wrapped(printable(hintText(hint)), 4, style),
    ]),
  ];
}

function whereOf({ source, line, rule }: Hint, directory: string): string {
  const file = shortSource(source, directory);
  const where = line === undefined ? file : `${file}:${line}`;
  return rule === undefined ? where : `${where} ${rule}`;
}

function hintText({ text, sent }: Hint): string {
  return sent === undefined ? text : `${text} (${amountText(sent)})`;
}

function findingLines({ findings }: ExplainedContext, style: ReportStyle): string[] {
  if (findings.length === 0) return [];
  const lines = findings.flatMap((finding) => {
    const text = finding.kind === 'large' ? `much: ${findingText(finding)}` : findingText(finding);
    return wrapped(printable(text), 2, style);
  });
  return [
    style.paint.bold('Rarely meant to be sent'),
    ...lines.map((line) => style.paint.yellow(line)),
  ];
}

function noteLines(title: string, { count, paths }: PathNotes, style: ReportStyle): string[] {
  if (count === 0) return [];
  const named = paths.slice(0, NAMED_PATHS);
  const lines = named.flatMap(({ path, reason }) =>
    wrapped(printable(reason.includes(path) ? reason : `${path}: ${reason}`), 2, style),
  );
  const more = count - named.length;
  if (more > 0) lines.push(`  and ${formatCount(more)} more`);
  return [style.paint.bold(title), ...lines];
}
