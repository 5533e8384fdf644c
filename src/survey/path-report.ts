import type { Amount } from './amount.ts';
import type { ContextSurvey, RuleOrigin } from './survey-report.ts';

/** A rule that matches a path or a directory above it. */
export interface TouchingRule extends RuleOrigin {
  /** It starts with `!`. */
  exception: boolean;
  /** What it matches: the path itself, or the highest directory above it. */
  matched: string;
}

/** What a directory holds. */
export interface PathBeneath {
  /** A transfer looks into it. */
  entered: boolean;
  /** The exceptions for which ignored directories in it, or it itself, are looked through. */
  exceptions: RuleOrigin[];
  sent: Amount;
  leftOut: Amount;
  /** How much of what is left out was counted. */
  measured: ContextSurvey['measured'];
}

/** What becomes of a path. Paths are readable text. */
export interface PathExplanation {
  /** Relative to the context's root, which is ''. */
  path: string;
  /** `file`, `directory`, `symlink`, `FIFO`, `socket` or `device`; absent if there is nothing at that path. */
  kind?: string | undefined;
  /** Bytes of a file. */
  size?: number | undefined;
  /** `skipped`: it is not sent, whatever the rules say. */
  verdict: 'sent' | 'ignored' | 'skipped';
  /** Why it is skipped. */
  reason?: string | undefined;
  /** Every rule that touches it, in order: the last one decides. */
  rules: TouchingRule[];
  /** Of a directory. */
  beneath?: PathBeneath | undefined;
}
