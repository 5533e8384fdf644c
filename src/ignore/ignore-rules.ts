import type { BytePath } from '../disk/byte-path.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_IGNORE_RULES } from '../limits.ts';
import { decodeRunes, type IgnorePattern } from './ignore-pattern.ts';

export interface IgnoreRule {
  /** As written, for people. */
  readonly text: string;
  /** An exception: what it matches is included. */
  readonly negated: boolean;
  readonly pattern: IgnorePattern;
  /** Where the rule stands: an ignore file's path, or an option's name. */
  readonly source: string;
  /** Counted from 1; undefined for options. */
  readonly line: number | undefined;
}

/** What the rules made of a directory, as far as its children need it. */
export interface DirectoryMatch {
  /** The deciding rule's place in the list; -1 for none. */
  readonly place: number;
}

/** What the rules made of an entry; for a directory's children it is their DirectoryMatch. */
export interface Decision extends DirectoryMatch {
  readonly ignored: boolean;
  /** The last rule that matches the path or a directory above it, and so decides. */
  readonly rule: IgnoreRule | undefined;
}

/**
 * Rules in the order in which they were given; the last one that matches wins, and one that matches
 * a directory matches what is beneath it (moby/patternmatcher MatchesOrParentMatches).
 *
 * So a path is decided by its parent's deciding rule or by a later rule that matches the path
 * itself, and all that a directory hands down is one number. (BuildKit's own walk uses
 * MatchesUsingParentResults, which forgets matches it had no need of: with `a/b` and then `!a` it
 * ignores a/b, MatchesOrParentMatches includes it.)
 */
export class IgnoreRules {
  readonly #rules: readonly IgnoreRule[];
  /** One for each rule, made once: a walk decides hundreds of thousands of times. */
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

  /** The state of the context's root, which itself no rule can match. */
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
   * Whether anything beneath an ignored directory could be included again; false means that the walk
   * need not enter it.
   * @param match the directory's own state: an exception that stands before the rule that ignored the
   * directory cannot undo it
   */
  couldIncludeBeneath(path: BytePath, match: DirectoryMatch): boolean {
    const runes = decodeRunes(path);
    for (let place = this.#rules.length - 1; place > match.place; place--) {
      const { negated, pattern } = this.#rules[place] as IgnoreRule;
      if (negated && pattern.couldMatchBeneath(path, runes)) return true;
    }
    return false;
  }

  #patternAt(place: number): IgnorePattern {
    return (this.#rules[place] as IgnoreRule).pattern;
  }
}

function decisionOf(place: number, rule: IgnoreRule | undefined): Decision {
  return { place, rule, ignored: rule !== undefined && !rule.negated };
}
