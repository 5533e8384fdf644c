import { isUtf8 } from 'node:buffer';
import type { RE2JS } from 're2js';
import type { BytePath } from '../disk/byte-path.ts';
import { checkMatchSyntax, compileRegexp, translate, type PatternKind } from './ignore-regexp.ts';

/**
 * One pattern of moby/patternmatcher: compile() and match(). Literal patterns, `x**` and `**x` are
 * compared byte by byte, all others rune by rune as Go's regexp does.
 */
export class IgnorePattern {
  /** The pattern that is matched: as filepath.Clean leaves it, without its `!`. */
  readonly cleaned: BytePath;
  readonly #kind: PatternKind;
  readonly #literal: string;
  /** The pattern as text/scanner reads it: its runes without a BOM. */
  readonly #scanned: string;
  readonly #regexp: RE2JS | undefined;
  /** Created on first use: only exceptions need it, and few patterns are exceptions. */
  #components: Components | undefined;

  /**
   * @param cleaned result of filepath.Clean, without its `!`
   * @throws PatternSyntaxError
   */
  constructor(cleaned: BytePath) {
    checkMatchSyntax(cleaned);
    this.cleaned = cleaned;
    this.#scanned = decodeRunes(cleaned).replace(/^\uFEFF/, '');
    const { kind, regexp } = translate(this.#scanned);
    this.#kind = kind;
    this.#literal = literalOf(kind, cleaned);
    this.#regexp = kind === 'regexp' ? compileRegexp(regexp) : undefined;
  }

  /** @param runes decodeRunes(path), which a caller computes once for many patterns */
  matches(path: BytePath, runes: string): boolean {
    switch (this.#kind) {
      case 'exact':
        return path === this.#literal;
      case 'prefix':
        return path.startsWith(this.#literal);
      case 'suffix':
        // `**/foo` also matches "foo", which does not end with "/foo".
        return (
          path.endsWith(this.#literal) ||
          (this.#literal.startsWith('/') && path === this.#literal.slice(1))
        );
      case 'regexp':
        return (this.#regexp as RE2JS).test(runes);
    }
  }

  /**
   * Whether a path beneath the directory could match. Never false if one could, but sometimes true if
   * none can: everything from the first `**`, negated class or escaped letter on counts as a match.
   */
  couldMatchBeneath(directory: BytePath, runes: string): boolean {
    switch (this.#kind) {
      case 'exact':
        return this.#literal.startsWith(`${directory}/`);
      case 'prefix':
        return (
          `${directory}/`.startsWith(this.#literal) || this.#literal.startsWith(`${directory}/`)
        );
      case 'suffix':
        return true;
      case 'regexp':
        this.#components ??= new Components(this.#scanned);
        return this.#components.couldBeginWith(runes);
    }
  }
}

function literalOf(kind: PatternKind, cleaned: BytePath): string {
  if (kind === 'prefix') return cleaned.slice(0, -2);
  return kind === 'suffix' ? cleaned.slice(2) : cleaned;
}

// Syntax that stays within its component, so that each component can be matched alone: no `**`, no `\D`
// or `\Q`, and only classes of letters and digits (`[+-9]`, `[^a]` and `[*]` can match a "/").
const PLAIN = /^(?:[^\\[*]|\*(?!\*)|\\[^0-9A-Za-z/\x80-\u{10ffff}]|\[[\w-]+\])*/su;
/** Syntax that changes the meaning of the text before it: alternatives and, perhaps, a count. */
const BACKWARDS = /\||\{\d/;

/** The leading components of every path that a pattern matches, as far as they are known. */
class Components {
  readonly #regexps: readonly RE2JS[];
  /** More may follow the last one, in the same component and in further ones. */
  readonly #open: boolean;

  constructor(pattern: string) {
    const plain = BACKWARDS.test(pattern) ? '' : (PLAIN.exec(pattern)?.[0] ?? '');
    this.#open = plain.length < pattern.length;
    const regexps = plain.split('/').map((component) => translate(component).regexp);
    if (this.#open) regexps.push((regexps.pop() as string).slice(0, -1)); // its `$`
    this.#regexps = regexps.map(compileRegexp);
  }

  /** Whether a path that continues `runes` with more components can match. */
  couldBeginWith(runes: string): boolean {
    const names = runes.split('/');
    if (!this.#open && names.length >= this.#regexps.length) return false;
    return names.every((name, place) => this.#regexps[place]?.test(name) ?? true);
  }
}

const HIGH_BYTE = /[\x80-\xff]/;
// The well-formed sequences of RFC 3629, section 4; any other byte is a rune of its own.
const RUNE =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

/**
 * The runes of a path as Go's utf8.DecodeRune yields them: each byte that is not UTF-8 is one
 * U+FFFD. (TextDecoder turns a whole truncated sequence into one U+FFFD, so `?` would miscount.)
 */
export function decodeRunes(path: BytePath): string {
  if (!HIGH_BYTE.test(path)) return path;
  const bytes = Buffer.from(path, 'latin1');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  return path.replace(RUNE, (rune) =>
    rune.length === 1 ? '\uFFFD' : Buffer.from(rune, 'latin1').toString('utf8'),
  );
}
