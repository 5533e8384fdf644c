import { isUtf8 } from 'node:buffer';
import type { RE2JS } from 're2js';
import type { BytePath } from '../disk/byte-path.ts';
import { MAX_PATTERN_INSTRUCTIONS } from '../limits.ts';
import { requirePackage } from '../require-package.ts';

/** A pattern that moby/patternmatcher refuses. The message suggests how to fix it. */
export class PatternSyntaxError extends Error {
  override readonly name = 'PatternSyntaxError';
}

/** How a pattern is compared: moby/patternmatcher's matchType. */
export type PatternKind = 'exact' | 'prefix' | 'suffix' | 'regexp';

// Items of a class are characters, escaped or not, or ranges. filepath.Match accepts no bare `-`.
const CLASS = /\[(?:\^|(?!\^))(?:(?:[^\]\\-]|\\.)(?:-(?:[^\]\\-]|\\.))?)+\]/sy;

/**
 * The check that New() makes with filepath.Match: classes are closed, a `\` escapes something.
 * @throws PatternSyntaxError
 */
export function checkMatchSyntax(pattern: BytePath): void {
  for (let at = 0; at < pattern.length; at++) {
    if (pattern[at] === '\\') {
      at++;
      if (at === pattern.length) throw new PatternSyntaxError('write "\\\\" for a "\\" itself');
    } else if (pattern[at] === '[') {
      CLASS.lastIndex = at;
      const found = CLASS.exec(pattern)?.[0];
      if (found === undefined || !isUtf8(Buffer.from(found, 'latin1'))) {
        throw new PatternSyntaxError('close the class, as in "[a-z]", or write "\\[" for a "["');
      }
      at += found.length - 1;
    }
  }
}

/**
 * moby/patternmatcher's compile(), step by step: the kind of the pattern, and the text that it passes
 * to Go's regexp. That text is not fully escaped, and what leaks through is behaviour that users
 * get: `^`, `|` and `{2}` keep their regexp meaning once a pattern has a wildcard (shouldEscape's
 * bitmap is 8 bits wide and loses every character from `@` on), `\d` is a digit, and `[*]` is a
 * class that ends at the `]` of the `[^/]*` inserted into it.
 * @param pattern in runes, accepted by checkMatchSyntax()
 */
export function translate(pattern: string): { kind: PatternKind; regexp: string } {
  const runes = Array.from(pattern);
  let kind: PatternKind = 'exact';
  let regexp = '^';
  let at = 0;
  for (let step = 0; at < runes.length; step++) {
    const rune = runes[at++] as string;
    if (rune === '*' && runes[at] === '*') {
      at++;
      if (runes[at] === '/') at++;
      if (at === runes.length) {
        regexp += '.*';
        kind = kind === 'exact' ? 'prefix' : 'regexp';
      } else {
        regexp += '(.*/)?';
        kind = 'regexp';
      }
      if (step === 0) kind = 'suffix';
      continue;
    }
    if ('*?[]\\'.includes(rune)) kind = 'regexp';
    if (rune === '*') regexp += '[^/]*';
    else if (rune === '?') regexp += '[^/]';
    else if (rune === '\\') regexp += `\\${runes[at++]}`;
    else regexp += '.+()$'.includes(rune) ? `\\${rune}` : rune;
  }
  return { kind, regexp: `${regexp}$` };
}

/**
 * Go's regexp.Compile. RE2JS without flags parses as Go does, and its test() is Go's MatchString:
 * a match anywhere, in time linear in the path. (JavaScript's own RegExp backtracks: the pattern
 * `*a*a*a*a*a*b` against a name of 255 a's would keep it busy for years.)
 * @throws PatternSyntaxError
 */
export function compileRegexp(regexp: string): RE2JS {
  re2js ??= requirePackage('re2js') as typeof import('re2js');
  let compiled: RE2JS;
  try {
    compiled = re2js.RE2JS.compile(regexp);
  } catch (error) {
    if (!(error instanceof re2js.RE2JSException)) throw error;
    throw new PatternSyntaxError(hintFor(error.message), { cause: error });
  }
  if (compiled.programSize() > MAX_PATTERN_INSTRUCTIONS) throw new PatternSyntaxError(TOO_LONG);
  return compiled;
}

/** Loaded on demand: most contexts have no such pattern, and loading takes 10 ms. */
let re2js: typeof import('re2js') | undefined;

const TOO_LONG = 'the pattern is too long';

/** Keyed by RE2's message, which is the same in Go. */
const HINTS: readonly (readonly [message: RegExp, hint: string])[] = [
  [
    /^invalid character class range: `(?:\[:|\\p)/i,
    'names of classes and scripts are such as "[[:alpha:]]" and "\\p{Greek}"',
  ],
  [/^invalid character class/, 'write the lower end of a range first, as in "[a-z]"'],
  [/^missing closing \]/, 'close the class, as in "[a-z]"'],
  [/^invalid escape/, 'write "\\\\" for a "\\" itself, "/" between directories'],
  [/^(?:invalid|missing) .*repe/, 'write "\\{" for a "{" itself'],
];

function hintFor(message: string): string {
  const reason = message.replace('error parsing regexp: ', '');
  return HINTS.find(([known]) => known.test(reason))?.[1] ?? TOO_LONG;
}
