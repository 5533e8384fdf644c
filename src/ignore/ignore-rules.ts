import type { BytePath } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_IGNORE_RULES } from '../limits.ts';
import { decodeRunes, type IgnorePattern } from './ignore-pattern.ts';

export interface IgnoreRule {
  /** As written, for display. */
  readonly text: string;
  /** An exception: what it matches is included. */
  readonly negated: boolean;
  readonly pattern: IgnorePattern;
  /** Where the rule comes from: an ignore file's path, or an option's name. */
  readonly source: string;
  /** Counted from 1; undefined for options. */
  readonly line: number | undefined;
}

/** The rules' result for a directory, as far as its children need it. */
export interface DirectoryMatch {
  /** Index of the deciding rule; -1 for none. */
  readonly place: number;
}

/** The rules' result for an entry; for a directory, also the DirectoryMatch for its children. */
export interface Decision extends DirectoryMatch {
  readonly ignored: boolean;
  /** The last rule that matches the path or a directory above it, and so decides. */
  readonly rule: IgnoreRule | undefined;
}

/**
 * Rules in the order in which they were given; the last one that matches wins, and one that matches
 * a directory also matches everything beneath it (moby/patternmatcher MatchesOrParentMatches).
 *
 * So a path is decided by its parent's deciding rule or by a later rule that matches the path
 * itself, and a directory passes only one number to its children. (BuildKit's own walk uses
 * MatchesUsingParentResults, which drops matches it did not need: with `a/b` and then `!a` it
 * ignores a/b, while MatchesOrParentMatches includes it.)
 */
export class IgnoreRules {
  readonly #rules: readonly IgnoreRule[];
  /** One per rule, created once: a walk makes hundreds of thousands of decisions. */
  readonly #decisions: readonly Decision[];
  readonly #undecided = decisionOf(-1, undefined);

  /** @throws CtxsyncError 'bad-ignore-rule' over MAX_IGNORE_RULES */
  constructor(rules: readonly IgnoreRule[]) {
    if (rules.length > MAX_IGNORE_RULES) {
      throw new CtxsyncError(
        'bad-ignore-rule',
        `${rules.length} ignore rules are more than ${MAX_IGNORE_RULES}; use wildcards`,
      );
    }
    this.#rules = rules;
    this.#decisions = rules.map((rule, place) => decisionOf(place, rule));
  }

  /** In the order in which they were given; a Decision's place is an index of it. */
  get list(): readonly IgnoreRule[] {
    return this.#rules;
  }

  /** The state of the context's root, which no rule can match. */
  root(): DirectoryMatch {
    return this.#undecided;
  }

  /** Decides a child of a directory. */
  decide(path: BytePath, parent: DirectoryMatch): Decision {
    const inherited = parent.place;
    let place = this.#rules.length - 1;
    if (place > inherited) {
      const runes = decodeRunes(path);
      while (place > inherited && !this.#patternAt(place).matches(path, runes)) place--;
    }
    return this.#decisions[place] ?? this.#undecided;
  }

  /**
   * Whether anything beneath an ignored directory could be re-included; if not, the walk need not
   * enter it.
   * @param match the directory's own state: an exception before the rule that ignored the directory
   * cannot override that rule
   */
  couldIncludeBeneath(path: BytePath, match: DirectoryMatch): boolean {
    return this.exceptionBeneath(path, match) >= 0;
  }

  /** The place of the last exception that could match beneath an ignored directory; -1: there is none. */
  exceptionBeneath(path: BytePath, match: DirectoryMatch): number {
    const runes = decodeRunes(path);
    for (let place = this.#rules.length - 1; place > match.place; place--) {
      const { negated, pattern } = this.#rules[place] as IgnoreRule;
      if (negated && pattern.couldMatchBeneath(path, runes)) return place;
    }
    return -1;
  }

  #patternAt(place: number): IgnorePattern {
    return (this.#rules[place] as IgnoreRule).pattern;
  }
}

function decisionOf(place: number, rule: IgnoreRule | undefined): Decision {
  return { place, rule, ignored: rule !== undefined && !rule.negated };
}
