import { hintsForRule, linesWithSpaceAtEnd } from '../ignore/rule-hints.ts';
import type { IgnoreRule, IgnoreRules } from '../ignore/ignore-rules.ts';
import type { IgnoreFile } from '../ignore/load-rules.ts';
import { toReadableText } from '../disk/byte-path.ts';
import { tracePath } from '../ignore/trace-path.ts';
import type { DeeperMatches, RootOnlyNames } from './root-only-names.ts';
import type { RuleEffects } from './rule-effects.ts';
import type { Hint } from './survey-report.ts';

/** Lines that one hint names. */
const NAMED_LINES = 5;

/** What the rules of a context probably do not do as their author thinks, in the order of the rules. */
export function hintsOf(
  rules: IgnoreRules,
  file: IgnoreFile | undefined,
  effects: RuleEffects,
  rootOnly: RootOnlyNames,
): Hint[] {
  const deeper = new Map(rootOnly.found(rules).map((matches) => [matches.rule, matches]));
  return [
    ...(file === undefined ? [] : spaceHints(file)),
    ...rules.list.flatMap((rule, place) => [
      ...hintsForRule(rule).map((hint) => hintFor(rule, hint)),
      ...deeperHint(rule, deeper.get(rule)),
      ...effectHints(rules, place, effects),
    ]),
  ];
}

function spaceHints({ source, bytes }: IgnoreFile): Hint[] {
  const lines = linesWithSpaceAtEnd(bytes);
  if (lines.length === 0) return [];
  const named = lines.slice(0, NAMED_LINES).join(', ');
  const more = lines.length > NAMED_LINES ? ` and ${lines.length - NAMED_LINES} more` : '';
  const text = `white space at the end of a line is no part of its pattern (${lines.length === 1 ? 'line' : 'lines'} ${named}${more})`;
  return [{ kind: 'space-at-end', source, text }];
}

function deeperHint(rule: IgnoreRule, matches: DeeperMatches | undefined): Hint[] {
  if (matches === undefined) return [];
  const { count, example, sent } = matches;
  const others = count === 1 ? example : `${example} and ${count - 1} more`;
  const pattern = toReadableText(rule.pattern.cleaned);
  const text = `it matches at the root only, and ${others} ${count === 1 ? 'is' : 'are'} sent: write "**/${pattern}" for any depth`;
  return [hintFor(rule, { kind: 'root-only', text, sent })];
}

function effectHints(rules: IgnoreRules, place: number, effects: RuleEffects): Hint[] {
  const rule = rules.list[place]!;
  if (!rule.negated) return [];
  const { kept, scannedDirectories, effect, ...found } = effects.of(place);
  const overriddenBy =
    found.overriddenBy ?? (effect === 'decides' ? undefined : voidBy(rules, place));
  if (overriddenBy !== undefined) {
    const text = `the exception is void: ${nameOf(rules.list[overriddenBy]!)} comes after it and decides; put the exception after that`;
    return [hintFor(rule, { kind: 'void-exception', text })];
  }
  if (scannedDirectories > 0 && kept.entries === 0) {
    const text = `${scannedDirectories} ignored ${scannedDirectories === 1 ? 'directory is' : 'directories are'} looked through for it, and it keeps nothing: remove it, or say where it is to match`;
    return [hintFor(rule, { kind: 'scanned-in-vain', text })];
  }
  return [];
}

/** The later rule that decides the one path that an exception without wildcards is for. */
function voidBy(rules: IgnoreRules, place: number): number | undefined {
  const { cleaned } = rules.list[place]!.pattern;
  if (/[*?[\\]/.test(cleaned)) return undefined;
  const decider = tracePath(rules, cleaned).at(-1)?.place ?? place;
  return decider > place && !rules.list[decider]!.negated ? decider : undefined;
}

function nameOf({ line, text, source }: IgnoreRule): string {
  return line === undefined ? `"${text}" (${source})` : `"${text}" in line ${line}`;
}

function hintFor(rule: IgnoreRule, hint: Pick<Hint, 'kind' | 'text' | 'sent'>): Hint {
  const { source, line, text } = rule;
  return { source, line, rule: text, ...hint };
}
