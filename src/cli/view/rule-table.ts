import type { ExplainedContext } from '../../explain/explain.ts';
import { shortSource } from '../../survey/rule-source.ts';
import type { RuleReport } from '../../survey/survey-report.ts';
import { formatBytes, formatCount, printable } from './format.ts';
import { figureColumns, fitted, heading, widthOf } from './report-columns.ts';
import type { ReportStyle } from './report-style.ts';

/** Rules that are shown; of more, those that do most. */
const SHOWN_RULES = 40;

const NO_EFFECT: Record<Exclude<RuleReport['effect'], 'decides'>, string> = {
  'matches-nothing': 'matches nothing',
  'decides-nothing': 'decides nothing',
  overridden: 'later rules decide instead',
};

/** What each rule does: `-` what is not sent because of it, `+` what is sent because of an exception. */
export function ruleTable(context: ExplainedContext, style: ReportStyle): string[] {
  const { rules, ignoreFile, directory } = context;
  if (rules.length === 0) return [];
  const shown = shownRules(rules);
  const places = shown.map((rule) => printable(placeOf(rule, ignoreFile, directory)));
  const width = Math.max(...places.map((place) => place.length));
  const rows = shown.flatMap((rule, index) =>
    ruleLines(rule, (places[index] ?? '').padStart(width), context, style),
  );
  const file = ignoreFile === undefined ? '' : ` of ${shortSource(ignoreFile, directory)}`;
  const more = rules.length - shown.length;
  return [
    heading(`Rules${file}`, 'entries', style),
    ...rows,
    ...(more > 0 ? [style.paint.dim(`  and ${formatCount(more)} rules that do less`)] : []),
  ];
}

function ruleLines(
  rule: RuleReport,
  place: string,
  { leftOut, sent, measured }: ExplainedContext,
  style: ReportStyle,
): string[] {
  const { paint } = style;
  const { exception, effect, scannedDirectories: scanned } = rule;
  const amount = exception ? rule.kept : rule.leftOut;
  const figures = figureColumns(
    {
      size: exception ? `+${formatBytes(amount.bytes)}` : leftOutText(amount.bytes, measured),
      part: amount.bytes,
      whole: exception ? sent.bytes : leftOut.bytes,
      entries: amount.entries,
    },
    style,
  );
  const shown = effect === 'decides' ? figures : `  ${NO_EFFECT[effect]}`.padEnd(widthOf(figures));
  const before = `${shown}  ${paint.dim(place)}`;
  const line = fitted(before, rule.rule, style);
  const lines = [effect === 'decides' ? line : paint.yellow(line)];
  if (scanned > 0) {
    const what = `${formatCount(scanned)} ignored ${scanned === 1 ? 'directory' : 'directories'} scanned`;
    lines.push(paint.dim(`${' '.repeat(widthOf(before) + 2)}${what}`));
  }
  return lines;
}

/** What an ignored directory holds is not known where nobody looked. */
function leftOutText(bytes: number, measured: ExplainedContext['measured']): string {
  return bytes === 0 && measured === 'none' ? '-?' : `-${formatBytes(bytes)}`;
}

function shownRules(rules: readonly RuleReport[]): readonly RuleReport[] {
  if (rules.length <= SHOWN_RULES) return rules;
  const most = rules.toSorted((a, b) => effectBytes(b) - effectBytes(a)).slice(0, SHOWN_RULES);
  const chosen = new Set(most);
  return rules.filter((rule) => chosen.has(rule));
}

function effectBytes({ leftOut, kept }: RuleReport): number {
  return leftOut.bytes + kept.bytes;
}

/** A line of the ignore file, or the option or file that the rule comes from. */
function placeOf(
  { source, line }: RuleReport,
  ignoreFile: string | undefined,
  directory: string,
): string {
  if (line === undefined) return shortSource(source, directory);
  return source === ignoreFile ? `line ${line}` : `${shortSource(source, directory)}:${line}`;
}
