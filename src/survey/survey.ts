import { toText, type BytePath } from '../disk/byte-path.ts';
import type { SourceEntry } from '../entry/entry.ts';
import type { IgnoreRules } from '../ignore/ignore-rules.ts';
import type { IgnoreFile } from '../ignore/load-rules.ts';
import { MAX_REPORTED_PATHS } from '../limits.ts';
import type { PathNotes } from '../report.ts';
import { addEntry, noAmount } from './amount.ts';
import { Findings } from './findings.ts';
import { hintsOf } from './hints.ts';
import type { IgnoredEntry } from './ignored-entries.ts';
import { Largest } from './largest.ts';
import { RootOnlyNames } from './root-only-names.ts';
import { RuleEffects } from './rule-effects.ts';
import type { ContextSurvey, RuleReport } from './survey-report.ts';
import { visitContext, type ContextVisitor, type VisitOptions } from './visit-context.ts';

export interface SurveyOptions extends VisitOptions {
  /** The file that the rules come from, if any. */
  ignoreFile: IgnoreFile | undefined;
  /** How many of the largest directories, and of the largest files, to list. */
  largest: number;
  /** Bytes of content above which a context is large; 0: it never is. */
  largeBytes: number;
}

/**
 * Finds out what a context holds, what of it is sent and why. Its memory does not grow with the entries.
 * @throws CtxsyncError as visitContext()
 */
export function surveyContext(options: SurveyOptions): ContextSurvey {
  const survey = new Survey(options);
  return survey.report(visitContext(options, survey));
}

class Survey implements ContextVisitor {
  readonly #options: SurveyOptions;
  readonly #rules: IgnoreRules;
  readonly #sent = noAmount();
  readonly #leftOut = noAmount();
  readonly #largest: Largest;
  readonly #effects: RuleEffects;
  readonly #rootOnly: RootOnlyNames;
  readonly #findings: Findings;
  readonly #skipped: PathNotes = { count: 0, paths: [] };
  readonly #unreadable: PathNotes = { count: 0, paths: [] };

  constructor(options: SurveyOptions) {
    const { rules, largest, largeBytes, status } = options;
    this.#options = options;
    this.#rules = rules;
    this.#largest = new Largest(largest);
    this.#effects = new RuleEffects(rules);
    this.#rootOnly = new RootOnlyNames(rules);
    this.#findings = new Findings({ largeBytes, strict: false }, status);
  }

  onSent(entry: SourceEntry, place: number): void {
    const { path, kind, size } = entry;
    addEntry(this.#sent, size);
    this.#largest.add(entry);
    this.#effects.addSent(path, place, size);
    this.#rootOnly.add(path, kind === 'directory', size);
    this.#findings.add(entry);
  }

  onIgnored({ path, bytes }: IgnoredEntry, place: number): void {
    addEntry(this.#leftOut, bytes);
    this.#effects.addLeftOut(path, place, bytes);
  }

  onScanned(_path: BytePath, exception: number): void {
    this.#effects.addScanned(exception);
  }

  onSkipped(path: BytePath, reason: string): void {
    note(this.#skipped, path, reason);
    this.#findings.addSkipped(path);
  }

  onUnreadable(path: BytePath, reason: string): void {
    note(this.#unreadable, path, reason);
  }

  /** @param complete whether all that is ignored was visited */
  report(complete: boolean): ContextSurvey {
    const { root, ignoreFile, measureIgnored } = this.#options;
    this.#largest.end();
    const { directories, files } = this.#largest;
    return {
      directory: toText(root),
      ignoreFile: ignoreFile?.source,
      sent: this.#sent,
      leftOut: this.#leftOut,
      measured: measuredAs(measureIgnored, complete),
      largestDirectories: directories.map(({ path, entries, bytes }) => ({
        path: toText(path),
        entries,
        bytes,
      })),
      largestFiles: files.map(({ path, bytes }) => ({ path: toText(path), bytes })),
      rules: this.#rules.list.map((_, place) => this.#ruleReport(place)),
      hints: hintsOf(this.#rules, ignoreFile, this.#effects, this.#rootOnly),
      findings: this.#findings.end(),
      skipped: this.#skipped,
      unreadable: this.#unreadable,
    };
  }

  #ruleReport(place: number): RuleReport {
    const { source, line, text, negated } = this.#rules.list[place]!;
    const { effect, leftOut, kept, scannedDirectories } = this.#effects.of(place);
    const origin = { source, line, rule: text, exception: negated };
    return { ...origin, effect, leftOut, kept, scannedDirectories };
  }
}

function measuredAs(measureIgnored: boolean, complete: boolean): ContextSurvey['measured'] {
  if (!measureIgnored) return 'none';
  return complete ? 'all' : 'part';
}

function note(notes: PathNotes, path: BytePath, reason: string): void {
  notes.count += 1;
  if (notes.paths.length < MAX_REPORTED_PATHS) notes.paths.push({ path: toText(path), reason });
}
