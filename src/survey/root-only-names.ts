import { isBeneath, splitPath, toText, type BytePath } from '../disk/byte-path.ts';
import { decodeRunes } from '../ignore/ignore-pattern.ts';
import type { IgnoreRule, IgnoreRules } from '../ignore/ignore-rules.ts';
import { MAX_RULE_TRIALS } from '../limits.ts';
import { addEntry, noAmount, type Amount } from './amount.ts';

/** What a pattern for a name at the root would match deeper down. */
export interface DeeperMatches {
  rule: IgnoreRule;
  /** Matching entries. */
  count: number;
  /** All that they hold. */
  sent: Amount;
  /** The first of them, readable. */
  example: string;
}

/**
 * Finds rules such as `node_modules`, which ignore a name at the root only, where the same name is sent
 * from deeper down (moby/moby#27144): in gitignore they match at any depth.
 */
export class RootOnlyNames {
  readonly #byName = new Map<BytePath, IgnoreRule>();
  readonly #wildcards: IgnoreRule[] = [];
  readonly #found = new Map<IgnoreRule, DeeperMatches>();
  /** A directory that matches: what is beneath belongs to it. */
  #within: { path: BytePath; matches: DeeperMatches } | undefined;
  #trialsLeft = MAX_RULE_TRIALS;

  constructor(rules: IgnoreRules) {
    for (const rule of rules.list) {
      const { cleaned } = rule.pattern;
      if (rule.negated || cleaned.includes('/') || cleaned.includes('**')) continue;
      // `*` and `?*` match everything deeper down, too, and whoever writes that knows.
      if (/^[*?.]*$/.test(cleaned)) continue;
      if (/[*?[\\]/.test(cleaned)) this.#wildcards.push(rule);
      else this.#byName.set(cleaned, rule);
    }
  }

  /** Takes the entries that are sent, in the order of the walk. */
  add(path: BytePath, isDirectory: boolean, bytes: number): void {
    if (this.#within !== undefined) {
      if (isBeneath(path, this.#within.path)) return addEntry(this.#within.matches.sent, bytes);
      this.#within = undefined;
    }
    const [directory, name] = splitPath(path);
    if (directory === '') return;
    const rule = this.#byName.get(name) ?? this.#wildcardFor(name);
    if (rule === undefined) return;
    const matches = this.#matchesOf(rule, path);
    matches.count += 1;
    addEntry(matches.sent, bytes);
    if (isDirectory) this.#within = { path, matches };
  }

  /** In the order of the rules. */
  found(rules: IgnoreRules): DeeperMatches[] {
    return rules.list.flatMap((rule) => this.#found.get(rule) ?? []);
  }

  #wildcardFor(name: BytePath): IgnoreRule | undefined {
    if (this.#wildcards.length === 0 || this.#trialsLeft <= 0) return undefined;
    this.#trialsLeft -= this.#wildcards.length;
    const runes = decodeRunes(name);
    return this.#wildcards.find(({ pattern }) => pattern.matches(name, runes));
  }

  #matchesOf(rule: IgnoreRule, path: BytePath): DeeperMatches {
    let matches = this.#found.get(rule);
    if (matches === undefined) {
      matches = { rule, count: 0, sent: noAmount(), example: toText(path) };
      this.#found.set(rule, matches);
    }
    return matches;
  }
}
