import type { ExplainedPaths } from '../../explain/explain.ts';
import type { PathBeneath, PathExplanation, TouchingRule } from '../../survey/path-report.ts';
import { shortSource } from '../../survey/rule-source.ts';
import type { RuleOrigin } from '../../survey/survey-report.ts';
import { formatBytes, printable } from './format.ts';
import type { ReportStyle } from './report-style.ts';
import { amountText, wrapped } from './report-columns.ts';

/** What a person reads about paths: what becomes of each, and the rules that touch it. */
export function pathsText(contexts: readonly ExplainedPaths[], style: ReportStyle): string {
  return contexts
    .flatMap(({ name, directory, paths }) =>
      paths.map((path) => pathText(name, withShortSources(path, directory), style)),
    )
    .join('\n');
}

function pathText(name: string, explained: PathExplanation, style: ReportStyle): string {
  const { paint } = style;
  const path = explained.path === '' ? './' : explained.path;
  const title = name === '' ? path : `${name}: ${path}`;
  const lines = [
    `${paint.bold(printable(title))} ${paint.dim(`(${kindText(explained)})`)}`,
    ...wrapped(printable(verdictText(explained)), 2, style).map((line) =>
      explained.verdict === 'sent' ? paint.green(line) : paint.yellow(line),
    ),
    ...beneathLines(explained, style),
    ...ruleLines(explained, style),
  ];
  return `${lines.join('\n')}\n`;
}

/** Files of the context by their paths in it. */
function withShortSources(explained: PathExplanation, directory: string): PathExplanation {
  const short = <Origin extends RuleOrigin>(origin: Origin): Origin => ({
    ...origin,
    source: shortSource(origin.source, directory),
  });
  const { rules, beneath } = explained;
  return {
    ...explained,
    rules: rules.map(short),
    beneath: beneath && { ...beneath, exceptions: beneath.exceptions.map(short) },
  };
}

function kindText({ kind, size }: PathExplanation): string {
  if (kind === undefined) return 'not there';
  return size === undefined ? `a ${kind}` : `a ${kind}, ${formatBytes(size)}`;
}

function verdictText(explained: PathExplanation): string {
  const { kind, verdict, reason, rules, beneath } = explained;
  const would = kind === undefined ? 'would be ' : '';
  const decider = rules.at(-1);
  if (verdict === 'skipped') return `never sent: ${reason}`;
  if (decider === undefined) return `${would}sent: no rule touches it`;
  if (verdict === 'ignored') return `${would}ignored by ${originText(decider)}`;
  if (decider.exception) return `${would}sent because of ${originText(decider)}`;
  // It is ignored itself, so something in it must be sent.
  const inIt = beneath !== undefined && beneath.exceptions.length > 0;
  return `sent for what is in it${inIt ? `, because of ${listOf(beneath.exceptions)}` : ''}`;
}

function beneathLines({ beneath, verdict }: PathExplanation, style: ReportStyle): string[] {
  if (beneath === undefined) return [];
  const { entered, exceptions, sent, leftOut, measured } = beneath;
  const atLeast = measured === 'part' ? 'at least ' : '';
  const parts = [
    sent.entries > 0 ? `${amountText(sent)} sent` : '',
    leftOut.entries > 0 ? `${atLeast}${amountText(leftOut)} ignored` : '',
  ].filter((part) => part !== '');
  const holds = parts.length === 0 ? 'nothing was found in it' : `in it: ${parts.join('; ')}`;
  const lines = wrapped(!entered && measured === 'none' ? 'not looked into' : holds, 2, style);
  if (!entered) lines.push(...wrapped('a transfer does not look into it', 2, style));
  else if (exceptions.length > 0 && verdict === 'ignored') {
    const why = `a transfer looks through it all the same, for ${listOf(exceptions)}`;
    lines.push(...wrapped(printable(why), 2, style));
  }
  return lines;
}

function ruleLines({ rules }: PathExplanation, { paint }: ReportStyle): string[] {
  if (rules.length === 0) return [];
  const width = Math.max(...rules.map((rule) => whereOf(rule).length));
  return [
    '  rules that touch it, in order:',
    ...rules.map((rule, index) => {
      const decides = index === rules.length - 1;
      const text = `    ${whereOf(rule).padEnd(width)}  ${rule.rule}${matchText(rule)}`;
      return printable(text) + (decides ? paint.bold('  <- decides') : '');
    }),
  ];
}

function matchText({ matched, rule }: TouchingRule): string {
  return matched === rule.replace(/^!/, '') ? '' : `  (matches ${matched})`;
}

function listOf(exceptions: PathBeneath['exceptions']): string {
  return exceptions.map(originText).join(', ');
}

function originText(origin: RuleOrigin): string {
  return `"${origin.rule}" (${whereOf(origin)})`;
}

function whereOf({ source, line }: RuleOrigin): string {
  return line === undefined ? source : `${source}:${line}`;
}
