import { isUtf8 } from 'node:buffer';
import type { RE2JS } from 're2js';
import type { BytePath } from '../disk/byte-path.ts';
import { checkMatchSyntax, compileRegexp, translate, type PatternKind } from './ignore-regexp.ts';

/**
 * One pattern of moby/patternmatcher: compile() and match(). Literal patterns, `x**` and `**x` are
 * compared byte by byte, all others rune by rune as Go's regexp does.
 */
export class IgnorePattern {
  readonly #kind: PatternKind;
  readonly #literal: string;
  /** What text/scanner reads of the pattern: its runes without a BOM. */
  readonly #scanned: string;
  readonly #regexp: RE2JS | undefined;
  /** Made when it is first asked for: few patterns are exceptions, and only those are. */
  #components: Components | undefined;

  /**
   * @param cleaned past filepath.Clean, without its `!`
   * @throws PatternSyntaxError
   */
  constructor(cleaned: BytePath) {
    checkMatchSyntax(cleaned);
    this.#scanned = decodeRunes(cleaned).replace(/^\uFEFF/, '');
    const { kind, regexp } = translate(this.#scanned);
    this.#kind = kind;
    this.#literal = literalOf(kind, cleaned);
    this.#regexp = kind === 'regexp' ? compileRegexp(regexp) : undefined;
  }

  /** @param runes the same path through decodeRunes(), which a caller with many patterns shares */
  matches(path: BytePath, runes: string): boolean {
    switch (this.#kind) {
      case 'exact':
        return path === this.#literal;
      case 'prefix':
        return path.startsWith(this.#literal);
      case 'suffix':
        // `**/foo` matches "foo" too, of which "/foo" is no suffix.
        return (
          path.endsWith(this.#literal) ||
          (this.#literal.startsWith('/') && path === this.#literal.slice(1))
        );
      case 'regexp':
        return (this.#regexp as RE2JS).test(runes);
    }
  }

  /**
   * Whether some path beneath the directory matches. Never false where one could; true for some
   * that hold none: from the first `**`, negated class or escaped letter on, all is taken to match.
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

// What stays within its component, so that a component can be matched alone: no `**`, no `\D` or
// `\Q`, and of the classes those of letters and digits (`[+-9]`, `[^a]` and `[*]` can match a "/").
const PLAIN = /^(?:[^\\[*]|\*(?!\*)|\\[^0-9A-Za-z/\x80-\u{10ffff}]|\[[\w-]+\])*/su;
/** What changes the meaning of what stands before it: alternatives and, perhaps, a count. */
const BACKWARDS = /\||\{\d/;

/** The components that every path a pattern matches must begin with, as far as they can be told. */
class Components {
  readonly #regexps: readonly RE2JS[];
  /** More may follow the last one, in the same component and in others. */
  readonly #open: boolean;

  constructor(pattern: string) {
    const plain = BACKWARDS.test(pattern) ? '' : (PLAIN.exec(pattern)?.[0] ?? '');
    this.#open = plain.length < pattern.length;
    const regexps = plain.split('/').map((component) => translate(component).regexp);
    if (this.#open) regexps.push((regexps.pop() as string).slice(0, -1)); // its `$`
    this.#regexps = regexps.map(compileRegexp);
  }

  /** Whether a path of more components than these can match. */
  couldBeginWith(runes: string): boolean {
    const names = runes.split('/');
    if (!this.#open && names.length >= this.#regexps.length) return false;
    return names.every((name, place) => this.#regexps[place]?.test(name) ?? true);
  }
}

const HIGH_BYTE = /[\x80-\xff]/;
// The well-formed sequences of RFC 3629, section 4; any other byte stands alone.
const RUNE =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

/**
 * The runes of a path as Go's utf8.DecodeRune yields them: each byte that is not UTF-8 is one
 * U+FFFD. (TextDecoder makes one U+FFFD of a whole truncated sequence, so `?` would count wrong.)
 */
export function decodeRunes(path: BytePath): string {
  if (!HIGH_BYTE.test(path)) return path;
  const bytes = Buffer.from(path, 'latin1');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  return path.replace(RUNE, (rune) =>
    rune.length === 1 ? '\uFFFD' : Buffer.from(rune, 'latin1').toString('utf8'),
  );
}
