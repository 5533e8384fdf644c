import type { IgnoreRule } from './ignore-rules.ts';
import { trimSpace } from './ignore-file.ts';

/** What a rule, or a whole ignore file, probably does not mean as its author thinks. */
export type RuleHintKind =
  /** White space at the end of lines, which is no part of a pattern. */
  | 'space-at-end'
  /** A `#` that starts no comment. */
  | 'comment'
  /** `[!a]`, which in gitignore is any character but `a`. */
  | 'negated-class'
  /** `{a,b}`, which a shell expands. */
  | 'braces'
  /** `\` between directories, as on Windows. */
  | 'backslash'
  /** A pattern that no path of a context can match. */
  | 'outside';

export interface RuleHint {
  kind: RuleHintKind;
  /** One clause: what it means here, and what to write instead. */
  text: string;
}

interface Lint extends RuleHint {
  applies: (rule: IgnoreRule) => boolean;
}

const LINTS: readonly Lint[] = [
  {
    kind: 'comment',
    text: 'the "#" is part of the pattern: a comment starts in the first column',
    applies: ({ text, line }) => /\s#/.test(text) || (line !== undefined && text.startsWith('#')),
  },
  {
    kind: 'negated-class',
    text: 'a class that starts with "!" contains it: write "[^" for all other characters',
    applies: ({ text }) => /(?:^|[^\\])\[!/.test(text),
  },
  {
    kind: 'braces',
    text: 'braces are no alternatives: write a rule for each',
    applies: ({ text }) => /(?:^|[^\\])\{[^{}]*,[^{}]*\}/.test(text),
  },
  {
    kind: 'backslash',
    text: '"\\" escapes the next character: write "/" between directories',
    applies: ({ text }) => /[^\\]\\[0-9A-Za-z]/.test(text),
  },
  {
    kind: 'outside',
    text: 'it matches nothing: patterns start at the root of the context, and cannot leave it',
    applies: ({ pattern }) => /^(?:\.|\/|\.\.(?:\/.*)?)$/s.test(pattern.cleaned),
  },
];

/** What looks like a pattern of gitignore or of a shell, and means something else here. */
export function hintsForRule(rule: IgnoreRule): RuleHint[] {
  return LINTS.filter(({ applies }) => applies(rule)).map(({ kind, text }) => ({ kind, text }));
}

/** The lines of an ignore file, counted from 1, that end with white space other than a line's CR. */
export function linesWithSpaceAtEnd(bytes: Uint8Array): number[] {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('latin1')
    .split('\n');
  return lines.flatMap((line, index) => {
    const pattern = line.endsWith('\r') ? line.slice(0, -1) : line;
    const trimmed = trimSpace(pattern);
    return trimmed === '' || line.startsWith('#') || pattern.endsWith(trimmed) ? [] : [index + 1];
  });
}
