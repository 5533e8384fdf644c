import type { RuleHintKind } from '../ignore/rule-hints.ts';
import type { Finding, PathNotes, PathSize } from '../report.ts';
import type { Amount } from './amount.ts';

export interface DirectorySize extends Amount {
  path: string;
}

/**
 * Whether a rule has any effect: it decides something; it matches, but later rules decide all of that; it
 * matches nothing; or it decides nothing, and it took too long to find out why.
 */
export type RuleEffect = 'decides' | 'overridden' | 'matches-nothing' | 'decides-nothing';

/** Where a rule comes from: a line of a file, or an option (then without a line). */
export interface RuleOrigin {
  source: string;
  line?: number | undefined;
  /** As written. */
  rule: string;
}

export interface RuleReport extends RuleOrigin {
  /** It starts with `!`. */
  exception: boolean;
  effect: RuleEffect;
  /** Entries that are not sent because it is the rule that decides. */
  leftOut: Amount;
  /** Entries that are sent because this exception decides. */
  kept: Amount;
  /** Ignored directories that are looked through because this exception could match in them. */
  scannedDirectories: number;
}

export type HintKind =
  | RuleHintKind
  /** It matches only at the root, and the same name is sent from deeper down. */
  | 'root-only'
  /** An exception that comes before the rule which decides what it matches. */
  | 'void-exception'
  /** An exception that has ignored directories looked through and keeps nothing. */
  | 'scanned-in-vain';

/** What a rule probably does not do as its author thinks. */
export interface Hint extends Omit<RuleOrigin, 'rule'> {
  kind: HintKind;
  /** Absent if it is about several lines. */
  rule?: string | undefined;
  /** What it does, and what to write instead. */
  text: string;
  /** Root-only: what is sent from deeper down, and why it matters. */
  sent?: Amount | undefined;
}

/** What a context holds, what of it is sent, and why. Paths are readable text. */
export interface ContextSurvey {
  /** Resolved. */
  directory: string;
  /** The ignore file that was read, if any. */
  ignoreFile?: string | undefined;
  /** Without the root itself. */
  sent: Amount;
  leftOut: Amount;
  /** How much of the ignored directories was counted. */
  measured: 'all' | 'part' | 'none';
  /** By bytes, with all that is beneath them. One that is little more than its largest child is omitted. */
  largestDirectories: DirectorySize[];
  largestFiles: PathSize[];
  /** All of them, in order. */
  rules: RuleReport[];
  hints: Hint[];
  findings: Finding[];
  /** Never sent: FIFOs, sockets, devices, a receiver's own files. */
  skipped: PathNotes;
  /** What makes a transfer fail. */
  unreadable: PathNotes;
}
