import type { BytePath } from '../disk/byte-path.ts';
import { decodeRunes } from './ignore-pattern.ts';
import type { IgnoreRules } from './ignore-rules.ts';

/** A rule that matches a path, or a directory above it. */
export interface TracedRule {
  /** Its index among the rules. */
  place: number;
  /** What it matches: the path itself, or the highest directory above it. */
  matched: BytePath;
}

/**
 * Every rule that touches a path, in order: the last one decides (moby/patternmatcher,
 * MatchesOrParentMatches). It tries each rule, where a walk stops at the one that decides.
 */
export function tracePath(rules: IgnoreRules, path: BytePath): TracedRule[] {
  const prefixes = prefixesOf(path).map((prefix) => ({ prefix, runes: decodeRunes(prefix) }));
  return rules.list.flatMap(({ pattern }, place) => {
    const matched = prefixes.find(({ prefix, runes }) => pattern.matches(prefix, runes));
    return matched === undefined ? [] : [{ place, matched: matched.prefix }];
  });
}

/** The directories above a path, from the top, and the path itself. */
export function prefixesOf(path: BytePath): BytePath[] {
  const parts = path.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
