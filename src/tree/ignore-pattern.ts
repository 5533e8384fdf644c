import { isUtf8 } from 'node:buffer';
import type { BytePath } from '../disk/byte-path.ts';

/**
 * Instructions that one pattern may compile to. A longer one could only match a path that is over
 * MAX_PATH_BYTES; what this bounds is memory, because `x{1000}` counts a thousand times.
 */
const MAX_INSTRUCTIONS = 8_192;

/** A pattern that moby/patternmatcher refuses. The message says how to write what was meant. */
export class PatternSyntaxError extends Error {
  override readonly name = 'PatternSyntaxError';
}

type Kind = 'exact' | 'prefix' | 'suffix' | 'regexp';

/**
 * One pattern of moby/patternmatcher: compile() and match(). Literal patterns, `x**` and `**x` are
 * compared byte by byte, all others rune by rune as Go's regexp does.
 */
export class IgnorePattern {
  /** Past filepath.Clean, without its `!`. */
  readonly cleaned: BytePath;
  readonly #kind: Kind;
  readonly #literal: string;
  readonly #program: Program | undefined;

  /** @throws PatternSyntaxError */
  constructor(cleaned: BytePath) {
    checkMatchSyntax(cleaned);
    const { kind, regexp } = translate(decodeRunes(cleaned));
    this.cleaned = cleaned;
    this.#kind = kind;
    this.#literal = literalOf(kind, cleaned);
    this.#program = kind === 'regexp' ? compileRegexp(regexp) : undefined;
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
      case 'regexp': {
        const program = this.#program as Program;
        return holdsInOrder(runes, program.literals) && run(program, runes, false);
      }
    }
  }

  /**
   * Whether some path beneath the folder matches. Never false where one could; true for a few that
   * none can have, such as one with an empty component.
   */
  couldMatchBeneath(folder: BytePath, runes: string): boolean {
    switch (this.#kind) {
      case 'exact':
        return this.#literal.startsWith(`${folder}/`);
      case 'prefix':
        return `${folder}/`.startsWith(this.#literal) || this.#literal.startsWith(`${folder}/`);
      case 'suffix':
        return true;
      case 'regexp':
        return run(this.#program as Program, `${runes}/`, true);
    }
  }
}

function literalOf(kind: Kind, cleaned: BytePath): string {
  if (kind === 'prefix') return cleaned.slice(0, -2);
  return kind === 'suffix' ? cleaned.slice(2) : cleaned;
}

// One item of a class: a character, escaped or not. filepath.Match takes no bare `-` there.
const CLASS = /\[(?:\^|(?!\^))(?:(?:[^\]\\-]|\\.)(?:-(?:[^\]\\-]|\\.))?)+\]/sy;

/** The check that New() makes with filepath.Match: classes are closed, a `\` escapes something. */
function checkMatchSyntax(pattern: BytePath): void {
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

// --- compile() --------------------------------------------------------------------------------

const FOLDERS = '(.*/)?';
const NOT_SLASH = '[^/]';

/**
 * moby/patternmatcher compile(), step for step: which kind of pattern it is, and the text that it
 * hands to Go's regexp. That text is not escaped everywhere, and what leaks through is behaviour
 * that users have: `^`, `|` and `{2}` keep their regexp meaning once a pattern holds a wildcard
 * (shouldEscape's bitmap is 8 bits wide and loses every character from `@` on), `\d` is a digit,
 * and `[*]` is a class that ends at the `]` of the `[^/]*` that was put into it.
 */
function translate(pattern: string): { kind: Kind; regexp: string } {
  const runes = Array.from(pattern);
  if (runes[0] === '\uFEFF') runes.shift(); // text/scanner drops a BOM
  let kind: Kind = 'exact';
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
        regexp += FOLDERS;
        kind = 'regexp';
      }
      if (step === 0) kind = 'suffix';
      continue;
    }
    if ('*?[]\\'.includes(rune)) kind = 'regexp';
    if (rune === '*') regexp += `${NOT_SLASH}*`;
    else if (rune === '?') regexp += NOT_SLASH;
    else if (rune === '\\') regexp += `\\${runes[at++]}`;
    else regexp += '.+()$'.includes(rune) ? `\\${rune}` : rune;
  }
  return { kind, regexp: `${regexp}$` };
}

// --- Go's regexp ------------------------------------------------------------------------------
// As much of RE2's syntax as translate() can produce, run as Go runs it: all alternatives at once,
// in time (runes of the path) x (instructions). JavaScript's RegExp backtracks, and the pattern
// `*a*a*a*a*a*b` against a name of 255 a's would keep it busy for years.

type Assertion = 'begin' | 'end' | 'word-boundary' | 'no-word-boundary';

interface RuneSet {
  readonly negated: boolean;
  /** Pairs: first and last code point. */
  readonly ranges: readonly number[];
}

type Atom =
  | { readonly type: 'rune'; readonly rune: number }
  | { readonly type: 'set'; readonly set: RuneSet }
  | { readonly type: 'assert'; readonly assertion: Assertion }
  | { readonly type: 'folders' };

interface Piece {
  readonly atom: Atom;
  readonly min: number;
  /** Infinity where there is no end to it. */
  readonly max: number;
}

const COUNT = /\{(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\}/y;
/** Go's parser refuses a higher count. */
const MAX_COUNT = 1000;
const ESCAPE =
  /\\(?:([^0-9A-Za-z\x80-\u{10ffff}])|([1-7][0-7]{1,2}|0[0-7]{0,2})|x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|([afnrtv]))/suy;
const CONTROL_RUNES = { a: 7, t: 9, n: 10, v: 11, f: 12, r: 13 } as Record<string, number>;
const ASSERTIONS: Record<string, Assertion> = {
  A: 'begin',
  z: 'end',
  b: 'word-boundary',
  B: 'no-word-boundary',
};
/** As pairs of characters, first and last. */
const PERL_CLASSES: Record<string, string> = { d: '09', s: '\t\n\f\r  ', w: '09AZ__az' };
const POSIX_CLASSES: Record<string, string> = {
  alnum: '09AZaz',
  alpha: 'AZaz',
  ascii: '\0\x7f',
  blank: '\t\t  ',
  cntrl: '\0\x1f\x7f\x7f',
  digit: '09',
  graph: '!~',
  lower: 'az',
  print: ' ~',
  punct: '!/:@[`{~',
  space: '\t\r  ',
  upper: 'AZ',
  word: '09AZ__az',
  xdigit: '09AFaf',
};

/** Go's regexp/syntax.Parse for the text that translate() makes. */
class RegexpReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The alternatives, each a list of pieces. */
  read(): Piece[][] {
    let pieces: Piece[] = [];
    const alternatives = [pieces];
    let counted = false;
    while (this.#at < this.#text.length) {
      const count = this.#count();
      if (count !== undefined) {
        const piece = pieces.pop();
        if (counted || piece === undefined) throw unreadable('write "\\{" for a "{" itself');
        pieces.push({ atom: piece.atom, ...count });
        counted = true;
      } else if (this.#text[this.#at] === '|') {
        this.#at++;
        alternatives.push((pieces = []));
        counted = false;
      } else {
        const atoms = this.#atoms();
        for (const atom of atoms) pieces.push({ atom, min: 1, max: 1 });
        counted = atoms[0]?.type === 'folders';
      }
    }
    return alternatives;
  }

  /** `*` or `{n}`, `{n,}`, `{n,m}`; any other `{` is a literal one. */
  #count(): { min: number; max: number } | undefined {
    if (this.#text[this.#at] === '*') {
      this.#at++;
      return { min: 0, max: Infinity };
    }
    const found = this.#take(COUNT);
    if (found === undefined) return undefined;
    const min = Number(found[1]);
    const last = found[3] === undefined ? Infinity : Number(found[3]);
    const max = found[2] === undefined ? min : last;
    if (min > MAX_COUNT || (max > MAX_COUNT && max !== Infinity) || min > max) {
      throw unreadable('write "\\{" for a "{" itself');
    }
    return { min, max };
  }

  #atoms(): Atom[] {
    const char = this.#text[this.#at];
    if (char === '(') {
      // translate() escapes every other "(".
      this.#at += FOLDERS.length;
      return [{ type: 'folders' }];
    }
    if (char === '\\') return this.#escaped();
    if (char === '[') return [{ type: 'set', set: this.#class() }];
    const rune = this.#rune();
    if (char === '^') return [{ type: 'assert', assertion: 'begin' }];
    if (char === '$') return [{ type: 'assert', assertion: 'end' }];
    if (char === '.') return [{ type: 'set', set: NOT_NEWLINE }];
    return [{ type: 'rune', rune }];
  }

  #escaped(): Atom[] {
    const char = this.#text[this.#at + 1] ?? '';
    const assertion = ASSERTIONS[char];
    if (assertion !== undefined) {
      this.#at += 2;
      return [{ type: 'assert', assertion }];
    }
    if (char === 'Q') return this.#quoted();
    const ranges = this.#perlClass();
    if (ranges !== undefined) return [{ type: 'set', set: { negated: false, ranges } }];
    return [{ type: 'rune', rune: this.#escape() }];
  }

  /** `\Q...\E`. */
  #quoted(): Atom[] {
    const end = this.#text.indexOf('\\E', this.#at + 2);
    const quoted = this.#text.slice(this.#at + 2, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 2;
    return Array.from(quoted, (char) => ({ type: 'rune', rune: char.codePointAt(0) as number }));
  }

  #class(): RuneSet {
    this.#at++;
    const negated = this.#text[this.#at] === '^';
    if (negated) this.#at++;
    const ranges: number[] = [];
    for (let first = true; first || this.#text[this.#at] !== ']'; first = false) {
      const named = this.#posixClass() ?? this.#perlClass();
      ranges.push(...(named ?? this.#range()));
    }
    this.#at++;
    return { negated, ranges };
  }

  #range(): [number, number] {
    const first = this.#classRune();
    const next = this.#text[this.#at + 1];
    if (this.#text[this.#at] !== '-' || next === undefined || next === ']') return [first, first];
    this.#at++;
    const last = this.#classRune();
    if (last < first) throw unreadable('write the lower end of a range first, as in "[a-z]"');
    return [first, last];
  }

  #classRune(): number {
    if (this.#at >= this.#text.length) throw unreadable('close the class, as in "[a-z]"');
    return this.#text[this.#at] === '\\' ? this.#escape() : this.#rune();
  }

  /** `[:alpha:]` or `[:^alpha:]` inside a class. */
  #posixClass(): readonly number[] | undefined {
    if (!this.#text.startsWith('[:', this.#at)) return undefined;
    const end = this.#text.indexOf(':]', this.#at + 2);
    if (end < 0) return undefined;
    const name = this.#text.slice(this.#at + 2, end);
    const negated = name.startsWith('^');
    const pairs = own(POSIX_CLASSES, negated ? name.slice(1) : name);
    if (pairs === undefined) throw unreadable('classes with a name are such as "[[:alpha:]]"');
    this.#at = end + 2;
    return toRanges(pairs, negated);
  }

  /** `\d`, `\s`, `\w` and their opposites. */
  #perlClass(): readonly number[] | undefined {
    if (this.#text[this.#at] !== '\\') return undefined;
    const name = this.#text[this.#at + 1] ?? '';
    const pairs = own(PERL_CLASSES, name.toLowerCase());
    if (pairs === undefined) return undefined;
    this.#at += 2;
    return toRanges(pairs, name !== name.toLowerCase());
  }

  /** One escaped character. `\pL` is refused, the only thing that Go takes and this does not. */
  #escape(): number {
    const found = this.#take(ESCAPE);
    if (found === undefined)
      throw unreadable('write "\\\\" for a "\\" itself, "/" between folders');
    const [, itself, octal, braced, hex, control] = found;
    if (control !== undefined) return CONTROL_RUNES[control] as number;
    const rune =
      itself?.codePointAt(0) ??
      (octal === undefined ? parseInt((braced ?? hex) as string, 16) : parseInt(octal, 8));
    if (rune > 0x10ffff) throw unreadable('there is no such character');
    return rune;
  }

  #rune(): number {
    const rune = this.#text.codePointAt(this.#at) as number;
    this.#at += rune > 0xffff ? 2 : 1;
    return rune;
  }

  #take(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text);
    if (found === null) return undefined;
    this.#at = sticky.lastIndex;
    return found;
  }
}

const NOT_NEWLINE: RuneSet = { negated: true, ranges: [10, 10] };

function own(table: Record<string, string>, key: string): string | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function toRanges(pairs: string, negated: boolean): number[] {
  const ranges = Array.from(pairs, (char) => char.charCodeAt(0));
  if (!negated) return ranges;
  const gaps = [0];
  for (let at = 0; at < ranges.length; at += 2) {
    gaps.push((ranges[at] as number) - 1, (ranges[at + 1] as number) + 1);
  }
  return [...gaps, 0x10ffff];
}

function unreadable(hint: string): PatternSyntaxError {
  return new PatternSyntaxError(hint);
}

// Instructions. All but JUMP, MATCH go on with the next one; SPLIT also with the one it names.
const RUNE_IS = 0;
const RUNE_IN = 1;
const ASSERT = 2;
const SPLIT = 3;
const JUMP = 4;
const MATCH = 5;

interface Program {
  readonly op: Uint8Array;
  /** RUNE_IS: the code point; RUNE_IN: the set; ASSERT: the assertion; SPLIT, JUMP: where to. */
  readonly arg: Int32Array;
  readonly sets: readonly RuneSet[];
  readonly assertions: readonly Assertion[];
  /** A match can begin at the path's first rune only. */
  readonly anchored: boolean;
  /** What a path must hold, in this order, to match: a cheap look before the costly one. */
  readonly literals: readonly string[];
}

function compileRegexp(regexp: string): Program {
  const alternatives = new RegexpReader(regexp).read();
  const writer = new ProgramWriter();
  alternatives.forEach((pieces, index) => {
    const split = index < alternatives.length - 1 ? writer.emit(SPLIT) : undefined;
    for (const piece of pieces) writer.piece(piece);
    writer.emit(MATCH);
    if (split !== undefined) writer.land(split);
  });
  const [only = []] = alternatives;
  const single = alternatives.length === 1;
  return writer.finish(single && isBegin(only[0]), single ? literalsOf(only) : []);
}

function isBegin(piece: Piece | undefined): boolean {
  return piece?.atom.type === 'assert' && piece.atom.assertion === 'begin' && piece.min > 0;
}

function literalsOf(pieces: readonly Piece[]): string[] {
  const literals = [''];
  for (const { atom, min, max } of pieces) {
    if (atom.type === 'rune' && min === 1 && max === 1) {
      literals.push((literals.pop() ?? '') + String.fromCodePoint(atom.rune));
    } else if (literals.at(-1) !== '') literals.push('');
  }
  return literals.filter((literal) => literal !== '');
}

function holdsInOrder(text: string, literals: readonly string[]): boolean {
  let at = 0;
  for (const literal of literals) {
    at = text.indexOf(literal, at);
    if (at < 0) return false;
    at += literal.length;
  }
  return true;
}

class ProgramWriter {
  readonly #op: number[] = [];
  readonly #arg: number[] = [];
  readonly #sets: RuneSet[] = [];
  readonly #assertions: Assertion[] = [];

  /** @returns the instruction's place */
  emit(op: number, arg = 0): number {
    if (this.#op.length === MAX_INSTRUCTIONS) throw unreadable('the pattern is too long');
    this.#arg.push(arg);
    return this.#op.push(op) - 1;
  }

  /** Lets a SPLIT or JUMP lead to what is emitted next. */
  land(place: number): void {
    this.#arg[place] = this.#op.length;
  }

  piece({ atom, min, max }: Piece): void {
    for (let count = 0; count < min; count++) this.#atom(atom);
    if (max === Infinity) this.#loop(atom);
    else this.#atMost(atom, max - min);
  }

  finish(anchored: boolean, literals: readonly string[]): Program {
    return {
      op: Uint8Array.from(this.#op),
      arg: Int32Array.from(this.#arg),
      sets: this.#sets,
      assertions: this.#assertions,
      anchored,
      literals,
    };
  }

  #loop(atom: Atom): void {
    const again = this.emit(SPLIT);
    this.#atom(atom);
    this.emit(JUMP, again);
    this.land(again);
  }

  #atMost(atom: Atom, count: number): void {
    const exits: number[] = [];
    for (let left = count; left > 0; left--) {
      exits.push(this.emit(SPLIT));
      this.#atom(atom);
    }
    for (const exit of exits) this.land(exit);
  }

  #atom(atom: Atom): void {
    if (atom.type === 'rune') this.emit(RUNE_IS, atom.rune);
    else if (atom.type === 'set') this.emit(RUNE_IN, this.#sets.push(atom.set) - 1);
    else if (atom.type === 'assert') {
      this.emit(ASSERT, this.#assertions.push(atom.assertion) - 1);
    } else {
      const without = this.emit(SPLIT);
      this.#loop({ type: 'set', set: NOT_NEWLINE });
      this.emit(RUNE_IS, 0x2f);
      this.land(without);
    }
  }
}

const NONE = -1;
const UNKNOWN = -2;

// Scratch of run(), shared: it neither waits nor calls back. An instruction that a step has seen
// bears the step's number, so that nothing has to be cleared.
const threads = new Int32Array(MAX_INSTRUCTIONS);
const pending = new Int32Array(3 * MAX_INSTRUCTIONS + 1);
const seen = new Float64Array(MAX_INSTRUCTIONS);
let steps = 0;

/**
 * Whether the program finds a match in the text. If more text may follow (`open`), whether it finds
 * one in some text that begins with this and is longer.
 */
function run(program: Program, text: string, open: boolean): boolean {
  const { op, arg, sets, anchored } = program;
  let before = NONE;
  let count = 0;
  for (let at = 0; ; at += before > 0xffff ? 2 : 1) {
    const atEnd = at >= text.length;
    const rune = atEnd ? (open ? UNKNOWN : NONE) : (text.codePointAt(at) as number);
    if (at === 0 || !anchored) pending[count++] = 0;
    const live = spread(program, count, before, rune);
    if (live === MATCHED) return true;
    if (atEnd) return open && (live > 0 || !anchored);
    if (live === 0 && anchored) return false;
    count = 0;
    for (let index = 0; index < live; index++) {
      const place = threads[index] as number;
      const wanted = arg[place] as number;
      const passes = op[place] === RUNE_IS ? wanted === rune : isIn(sets[wanted] as RuneSet, rune);
      if (passes) pending[count++] = place + 1;
    }
    before = rune;
  }
}

const MATCHED = -1;

/**
 * Follows what needs no rune from the pending instructions on, and leaves in `threads` those that
 * wait for one.
 * @returns how many wait, or MATCHED
 */
function spread(program: Program, count: number, before: number, after: number): number {
  const { op, arg, assertions } = program;
  const step = ++steps;
  let live = 0;
  while (count > 0) {
    const place = pending[--count] as number;
    if (seen[place] === step) continue;
    seen[place] = step;
    switch (op[place]) {
      case MATCH:
        return MATCHED;
      case SPLIT:
        pending[count++] = arg[place] as number;
        pending[count++] = place + 1;
        break;
      case JUMP:
        pending[count++] = arg[place] as number;
        break;
      case ASSERT:
        if (holds(assertions[arg[place] as number] as Assertion, before, after)) {
          pending[count++] = place + 1;
        }
        break;
      default:
        threads[live++] = place;
    }
  }
  return live;
}

function holds(assertion: Assertion, before: number, after: number): boolean {
  if (assertion === 'begin') return before === NONE;
  if (assertion === 'end') return after === NONE;
  if (after === UNKNOWN) return true;
  return (isWord(before) !== isWord(after)) === (assertion === 'word-boundary');
}

function isWord(rune: number): boolean {
  return rune >= 0 && /\w/.test(String.fromCodePoint(rune));
}

function isIn({ negated, ranges }: RuneSet, rune: number): boolean {
  for (let at = 0; at < ranges.length; at += 2) {
    if (rune >= (ranges[at] as number) && rune <= (ranges[at + 1] as number)) return !negated;
  }
  return negated;
}
