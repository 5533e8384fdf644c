import type { BytePath } from '../disk/byte-path.ts';
import { decodeRunes } from '../ignore/ignore-pattern.ts';
import type { IgnoreRules } from '../ignore/ignore-rules.ts';
import { MAX_RULE_TRIALS } from '../limits.ts';
import { addEntry, noAmount, type Amount } from './amount.ts';
import type { RuleEffect } from './survey-report.ts';

interface Effect {
  leftOut: Amount;
  kept: Amount;
  scannedDirectories: number;
}

/** Adds up what each rule of a context does. */
export class RuleEffects {
  readonly #rules: IgnoreRules;
  readonly #effects: readonly Effect[];
  /** Places of rules that have not matched yet, as far as is known. */
  readonly #unmatched: Set<number>;
  /** By place: the later rule that decided the first path that this one matches. */
  readonly #overriddenBy = new Map<number, number>();
  #trialsLeft = MAX_RULE_TRIALS;

  constructor(rules: IgnoreRules) {
    this.#rules = rules;
    this.#effects = rules.list.map(() => ({
      leftOut: noAmount(),
      kept: noAmount(),
      scannedDirectories: 0,
    }));
    this.#unmatched = new Set(rules.list.keys());
  }

  addSent(path: BytePath, place: number, bytes: number): void {
    this.#tryEarlier(path, place);
    // A directory that is sent only for something beneath it is not this rule's doing.
    if (this.#rules.list[place]?.negated === true) addEntry(this.#effects[place]!.kept, bytes);
  }

  addLeftOut(path: BytePath, place: number, bytes: number): void {
    this.#tryEarlier(path, place);
    addEntry(this.#effects[place]!.leftOut, bytes);
  }

  addScanned(exception: number): void {
    const effect = this.#effects[exception];
    if (effect !== undefined) effect.scannedDirectories += 1;
  }

  of(place: number): Effect & { effect: RuleEffect; overriddenBy: number | undefined } {
    const effect = this.#effects[place]!;
    const overriddenBy = this.#overriddenBy.get(place);
    return { ...effect, effect: this.#kindOf(place), overriddenBy };
  }

  #kindOf(place: number): RuleEffect {
    if (this.#overriddenBy.has(place)) return 'overridden';
    if (!this.#unmatched.has(place)) return 'decides';
    return this.#trialsLeft === 0 ? 'decides-nothing' : 'matches-nothing';
  }

  /** A walk stops at the rule that decides, so whether an earlier one matches, too, is not known. */
  #tryEarlier(path: BytePath, decider: number): void {
    if (decider < 0) return;
    this.#unmatched.delete(decider);
    this.#overriddenBy.delete(decider);
    if (this.#unmatched.size === 0) return;
    const runes = decodeRunes(path);
    for (const place of this.#unmatched) {
      if (place >= decider || this.#trialsLeft === 0) return;
      this.#trialsLeft -= 1;
      if (!this.#rules.list[place]!.pattern.matches(path, runes)) continue;
      this.#unmatched.delete(place);
      this.#overriddenBy.set(place, decider);
    }
  }
}
