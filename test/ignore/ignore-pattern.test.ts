import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromText } from '../../src/disk/byte-path.ts';
import { decodeRunes, IgnorePattern } from '../../src/ignore/ignore-pattern.ts';
import { PatternSyntaxError } from '../../src/ignore/ignore-regexp.ts';
import { proving } from '../helpers/proofs.ts';

describe('a pattern matches as moby/patternmatcher does', () => {
  // From patternmatcher_test.go, TestMatches and matchTests, without matches of parents.
  it.each<[pattern: string, path: string, matches: boolean]>([
    ['**', 'dir/file', true],
    ['**/**', 'dir/file', true],
    ['dir/**', 'dir/dir2/file', true],
    ['dir/**', 'dir', false],
    ['abc**', 'abcd/e', true],
    ['**/dir', 'dir', true],
    ['**/dir', 'xdir', false],
    ['**file', 'dir/xfile', true],
    ['**/dir2/*', 'dir/dir2/file', true],
    ['**/file*txt', 'dir/dir/file.txt', true],
    ['**/**/*.txt', 'file.txt', true],
    ['**/**/*.txt2', 'dir/dir/file.txt', false],
    ['a**/*.txt', 'a/dir/dir/file.txt', true],
    ['a/*.txt', 'a/dir/file.txt', false],
    ['a/*.txt**', 'a/file.txt', true],
    ['a/**/z', 'a/z', true],
    ['a[b-d]e', 'ace', true],
    ['a[b-d]e', 'aae', false],
    ['a[^b-d]e', 'aze', true],
    ['abc.def', 'abcZdef', false],
    ['abc?def', 'abcZdef', true],
    ['a\\\\', 'a\\', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['\\#x', '#x', true],
    ['**/.foo', 'bar.foo', false],
    ['a(b)c/def', 'a(b)c/def', true],
    ['a.|)$(}+{bc', 'a.|)$(}+{bc', true],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['a?b', 'a/b', false],
    ['a???b', 'a☺b', false],
    ['a[^a]b', 'a☺b', true],
    ['a[^a][^a][^a]b', 'a☺b', false],
    ['[a-ζ]*', 'α', true],
    ['*[a-ζ]', 'A', false],
    ['[\\]a]', ']', true],
    ['[\\-x]', '-', true],
    ['File', 'file', false],
  ])('%s against %s: %s', (pattern, path, matches) => {
    expect(match(pattern, path)).toBe(matches);
  });

  it.each<[pattern: string, path: string, matches: boolean]>([
    ['*.{js,ts}', 'a.{js,ts}', true],
    ['*.{js,ts}', 'a.js', false],
    ['[!a]', '!', true],
    ['[!a]', 'b', false],
    ['*.[jt]s', 'a.ts', true],
    ['?.+$()', 'x.+$()', true],
    ['?.+$()', 'xy+$()', false],
  ])('follows the syntax of Go: %s against %s: %s', (pattern, path, matches) => {
    expect(match(pattern, path)).toBe(matches);
  });

  it.each<[what: string, pattern: string, path: string, matches: boolean]>([
    ['a negated class matches a "/"', 'a[^b]c', 'a/c', true],
    ['"^" beside a wildcard is an assertion', '^h*', 'hxx', true],
    ['"^" beside a wildcard is an assertion', '^h*', '^hx', false],
    ['"^" without one is itself', '^h', '^h', true],
    ['"|" beside a wildcard parts alternatives', 'a|b*', 'axyz/q', true],
    ['"|" beside a wildcard parts alternatives', 'a|b*', 'dir/bx', true],
    ['"|" beside a wildcard parts alternatives', 'a|b*', 'cx', false],
    ['"{2}" beside a wildcard counts', 'a{2}*', 'aax', true],
    ['"{2}" beside a wildcard counts', 'a{2}*', 'a{2}x', false],
    ['"{1,3}" counts too', '?a{1,3}', 'xaaa', true],
    ['"{1,3}" counts too', '?a{1,3}', 'xaaaa', false],
    ['"{2,}" counts too', '?a{2,}', 'xaaaa', true],
    ['"\\d" is a digit', 'v\\d', 'v7', true],
    ['"\\d" is a digit', 'v\\d', 'vd', false],
    ['"\\D" is none', 'bin\\Debug', 'bin-ebug', true],
    ['"\\b" is a word boundary', '*\\bb', 'a.b', true],
    ['"\\b" is a word boundary', '*\\bb', 'ab', false],
    ['"\\x41" is a code', '\\x41', 'A', true],
    ['"\\101" is an octal code', '\\101', 'A', true],
    ['"\\x{1F600}" is a code', '\\x{1F600}?', '😀x', true],
    ['"\\t" is a tab, "\\a" a bell', '\\t\\a', '\t\x07', true],
    ['"\\d" and codes are known in classes', '[\\x41-\\x43\\d]', 'B', true],
    ['"\\d" and codes are known in classes', '[^\\x41-\\x43\\d]', '7', false],
    ['"\\A" and "\\z" are the ends', '\\Aa\\z', 'a', true],
    ['"\\B" is no word boundary', '*\\Bb', 'ab', true],
    ['"\\pL" is a letter of any script', '\\pL*', 'éx', true],
    ['"\\pL" is a letter of any script', '\\pL*', '7x', false],
    ['"\\p{Greek}" is one of Greek', '[\\p{Greek}]', 'ζ', true],
    ['"\\Q" ends at "\\E"', '\\Qa*\\E?', 'a[^/]*x', true],
    ['"[:" without its end is a class of both', '[[:a]', ':', true],
    ['"[?]" ends early', '[?]', '/]', true],
    ['"[?]" ends early', '[?]', '?', false],
    ['"{0}" takes the anchor away', '{0}x?', 'abxy', true],
    ['"\\Q" quotes what the wildcard became', '\\Qa*', 'a[^/]*$', true],
    ['"[[:alpha:]]" is a POSIX class', '[[:alpha:]]', 'q', true],
    ['"[[:^alpha:]]" is its opposite', '[[:^alpha:]]', 'q', false],
    ['"[*]" ends early', '[*]', '^^]', true],
    ['"[*]" ends early', '[*]', '*', false],
    ['"**" does not cross a newline between directories', '**/*.x', 'a\nb/c.x', false],
    ['"*" does cross one', '*.x', 'a\nb.x', true],
    ['a BOM before a wildcard is dropped', '\uFEFF*.x', 'a.x', true],
    ['a BOM in a literal is kept', '\uFEFFa', 'a', false],
  ])('keeps the quirks of its regexp: %s (%s against %s)', (_what, pattern, path, matches) => {
    expect(match(pattern, path)).toBe(matches);
  });

  it('treats each byte that is not UTF-8 as one character', () => {
    const truncated = 'a\xe2\x82b';
    expect(matchBytes('a??b', truncated)).toBe(true);
    expect(matchBytes('a?b', truncated)).toBe(false);
    expect(matchBytes('a[^/][^/]*b', truncated)).toBe(true);
    expect(matchBytes('a\xff', 'a\xff')).toBe(true);
    expect(matchBytes('a\xff', 'a\xfe')).toBe(false);
    expect(matchBytes('?\xff', 'a\xfe')).toBe(true);
  });

  it('agrees with a JavaScript RegExp of the same meaning', () => {
    const glob = tokens([
      'a',
      'b',
      '/',
      '*',
      '**',
      '**/',
      '?',
      '[ab]',
      '[^a]',
      '\\.',
      '\\*',
      '.',
    ]).filter(isClean);
    const path = tokens(['a', 'b', '/', '.', '*', 'é', '\n']);
    fc.assert(
      fc.property(glob, path, (pattern, text) => {
        expect(match(pattern, text)).toBe(referenceMatch(pattern, text));
      }),
      proving(40_000),
    );
  });

  it('agrees with that RegExp on every short glob and path', () => {
    const paths = words(['a', 'b', '/'], 4);
    for (const pattern of words(['a', '*', '?', '/'], 5).filter(isClean)) {
      const compiled = new IgnorePattern(pattern);
      for (const path of paths) {
        const expected = referenceMatch(pattern, path);
        if (compiled.matches(path, path) !== expected) {
          expect.fail(`${pattern} against ${path} should be ${expected}`);
        }
      }
    }
  });
});

describe('a bad pattern is refused', () => {
  it.each([
    '[',
    'a[',
    '[]',
    '[]a]',
    '[-]',
    '[x-]',
    '[-x]',
    '[a-b-c]',
    '[^]',
    '[^-a]',
    'a\\',
    '[a\\',
    '[b-a]',
    '\\y',
    '\\é',
    '\\pX',
    '\\p',
    '\\x{110000}',
    '\\9',
    '[a-\\Q]',
    '[*{2}]',
    '[[:nope:]]',
    '*{2}',
    '?{2}{3}',
    '?{1001}',
    '?{3,2}',
    '*|{2}',
    '**/{2}*',
  ])('%s', (pattern) => {
    expect(() => new IgnorePattern(fromText(pattern))).toThrow(PatternSyntaxError);
  });

  it('if a class contains a byte that is not UTF-8', () => {
    expect(() => new IgnorePattern('[\xff]')).toThrow(PatternSyntaxError);
    expect(() => new IgnorePattern('[\xc3\xa9]')).not.toThrow();
  });

  it('if it is longer than any path', () => {
    expect(() => new IgnorePattern(`?${'a{1000}'.repeat(9)}`)).toThrow('too long');
    expect(() => new IgnorePattern(`?${'a{1000}'.repeat(9_000)}`)).toThrow('too long');
  });

  it.each<[pattern: string, hint: string]>([
    ['a\\', 'write "\\\\" for a "\\" itself'],
    ['[a', 'close the class'],
    ['[*{2}]', 'write "\\{" for a "{" itself'],
    ['*{2}', 'write "\\{" for a "{" itself'],
    ['?{1001}', 'write "\\{" for a "{" itself'],
    ['*|{2}', 'write "\\{" for a "{" itself'],
    ['[b-a]', 'write the lower end of a range first'],
    ['[[:nope:]]', 'names of classes'],
    ['\\p{Nope}', 'names of classes'],
    ['[\\x62-a]', 'write the lower end of a range first'],
    ['bin\\y', 'write "\\\\" for a "\\" itself, "/" between directories'],
    ['[a-\\x2]', 'write "\\\\" for a "\\" itself'],
  ])('%s, with a hint how to write it', (pattern, hint) => {
    expect(() => new IgnorePattern(pattern)).toThrow(hint);
  });
});

describe('the check for possible matches beneath a directory', () => {
  it.each<[pattern: string, directory: string, could: boolean]>([
    ['src/lib/keep', 'src', true],
    ['src/lib/keep', 'src/lib', true],
    ['src/lib/keep', 'src/lib/keep', false],
    ['src/lib/keep', 'src/li', false],
    ['*.py', 'src', false],
    ['*/*.py', 'src', true],
    ['*/*.py', 'src/lib', false],
    ['s*/lib/x', 'src', true],
    ['s*/lib/x', 'web', false],
    ['s*/lib/x', 'src/bin', false],
    ['**/x', 'a/b/c', true],
    ['a/**/x', 'a/b/c', true],
    ['a/**/x', 'b', false],
    ['a/**', 'a', true],
    ['a/**', 'b', false],
    ['a/b/**', 'a', true],
    ['[^x]/y', 'a', true],
    ['[a-c]x*/y', 'bx', true],
    ['[a-c]x*/y', 'dx', false],
    ['a\\.*/y', 'a.b', true],
    ['a\\.*/y', 'ab', false],
    ['ab**c', 'abx', true],
    ['ab**c', 'a', false],
    ['src/*.{js,ts}', 'src', true],
    ['src/*.{js,ts}', 'web', false],
    ['\uFEFFa*/b', 'ab', true],
    ['a*/\uFEFFb*/c', 'ab/\uFEFFb', true],
    ['a*/**/*/y', 'a/b\nc', true],
    ['a^b*', 'a', false],
    ['src/[^x]/y', 'src/a', true],
    ['src/[^x]/y', 'web', false],
  ])('%s beneath %s: %s', (pattern, directory, could) => {
    expect(new IgnorePattern(pattern).couldMatchBeneath(directory, directory)).toBe(could);
  });

  it.each<[what: string, pattern: string, directory: string]>([
    ['a negated class', 'a[^x]b*', 'a'],
    ['a range', 'a[+-9]b', 'a'],
    ['"[*]", which ends early', 'a[*]b]', 'a'],
    ['a code', 'a\\x2fb', 'a'],
    ['an escaped "/"', 'a\\/b*', 'a'],
    ['"{0}" behind a "/"', 'x/{0}a*', 'xa'],
    ['an alternative', 'a*|b/c', 'b'],
    ['a quoted "/"', '\\Qa/b\\Ec*', 'a'],
  ])('includes what %s could match', (_what, pattern, directory) => {
    expect(new IgnorePattern(pattern).couldMatchBeneath(directory, directory)).toBe(true);
  });

  it('treats bytes that are not UTF-8 as a match does', () => {
    const pattern = new IgnorePattern('caf\xff/*.x');
    expect(pattern.matches('caf\xfe/a.x', 'caf\uFFFD/a.x')).toBe(true);
    expect(pattern.couldMatchBeneath('caf\xfe', 'caf\uFFFD')).toBe(true);
  });

  it('is never negative if something beneath does match', () => {
    const glob = tokens([
      'a',
      'b',
      '/',
      '*',
      '**',
      '**/',
      '?',
      '[^a]',
      '\\.',
      '|',
      '^',
      '\\b',
      '{2}',
      '{0}',
      '[ab]',
      '[+-9]',
      '[*]',
      '\\x2f',
      '\\Q',
      '\\E',
    ]);
    const path = fc.array(fc.constantFrom('a', 'b', 'ab', 'a b'), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(glob, path, (pattern, parts) => {
        const compiled = tryCompile(pattern);
        if (!compiled?.matches(parts.join('/'), parts.join('/'))) return;
        for (let depth = 1; depth < parts.length; depth++) {
          const directory = parts.slice(0, depth).join('/');
          expect(compiled.couldMatchBeneath(directory, directory)).toBe(true);
        }
      }),
      proving(40_000),
    );
  });

  it('is exact for globs: each possible match can be found', () => {
    const beneath = words(['a', 'b', '/'], 5).filter(isClean);
    for (const pattern of words(['a', '*', '/'], 4).filter(isClean)) {
      const compiled = new IgnorePattern(pattern);
      for (const directory of ['a', 'b', 'a/b']) {
        const found = beneath.some((rest) => {
          const path = `${directory}/${rest}`;
          return compiled.matches(path, path);
        });
        if (compiled.couldMatchBeneath(directory, directory) !== found) {
          expect.fail(`${pattern} beneath ${directory} should be ${found}`);
        }
      }
    }
  });
});

describe('the time that a match takes', () => {
  it('is linear where a backtracking matcher would take years', () => {
    const name = 'a'.repeat(3_800);
    for (const pattern of [
      `**/**/**/${'*a'.repeat(20)}b`,
      `${'**a'.repeat(20)}b*`,
      `${'?*'.repeat(20)}b`,
      `*a${'?'.repeat(40)}*b`,
      `${'*a{1,20}'.repeat(20)}b`,
    ]) {
      const compiled = new IgnorePattern(pattern);
      const begun = performance.now();
      expect(compiled.matches(`${name}b`, `${name}b`)).toBe(!pattern.startsWith('**a'));
      expect(compiled.matches(name, name)).toBe(false);
      expect(performance.now() - begun).toBeLessThan(2_000);
    }
  });
});

describe('decodeRunes', () => {
  it('decodes valid UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeRunes(fromText(text))).toBe(text);
      }),
    );
  });

  it('turns each byte of a surrogate, an overlong form or a stray byte into one U+FFFD', () => {
    expect(decodeRunes('\xed\xa0\x80')).toBe('\uFFFD\uFFFD\uFFFD');
    expect(decodeRunes('\xc0\xaf')).toBe('\uFFFD\uFFFD');
    expect(decodeRunes('\xc3\xa9\xff')).toBe('é\uFFFD');
    expect(decodeRunes('\xf0\x9f\x98/\xf0\x9f\x98\x80')).toBe('\uFFFD\uFFFD\uFFFD/😀');
  });
});

/** Whether filepath.Clean or the walk could have produced it. */
function isClean(path: string): boolean {
  return !/^\/|\/$|\/\//.test(path);
}

function match(pattern: string, path: string): boolean {
  return matchBytes(fromText(pattern), fromText(path));
}

function matchBytes(pattern: string, path: string): boolean {
  return new IgnorePattern(pattern).matches(path, decodeRunes(path));
}

function tryCompile(pattern: string): IgnorePattern | undefined {
  try {
    return new IgnorePattern(pattern);
  } catch {
    return undefined;
  }
}

function tokens(alphabet: readonly string[]): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom(...alphabet), { minLength: 1, maxLength: 7 })
    .map((parts) => parts.join(''));
}

/** Every string of 1 to `length` letters. */
function words(letters: readonly string[], length: number): string[] {
  const shorter = length === 1 ? [''] : ['', ...words(letters, length - 1)];
  return [...new Set(shorter.flatMap((start) => letters.map((letter) => start + letter)))];
}

/**
 * The slow reference: patternmatcher's rules as described by FIELD.md and its compile(), for globs of
 * `*`, `**`, `?`, classes and escapes.
 */
function referenceMatch(pattern: string, path: string): boolean {
  if (/^\*\*[^*?[\]\\]*$/.test(pattern)) {
    const suffix = pattern.slice(2);
    return path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
  }
  if (/^[^*?[\]\\]+\*\*$/.test(pattern)) return path.startsWith(pattern.slice(0, -2));
  const source = pattern.replace(/\*\*\/?$|\*\*\/?|\*|\?|\\.|\[.*?\]|\./gs, (part, at: number) => {
    if (part.startsWith('**'))
      return at + part.length === pattern.length ? '[^\\n]*' : '([^\\n]*/)?';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    if (part === '.') return '\\.';
    return part;
  });
  return new RegExp(`^(?:${source})$`, 'u').test(path);
}
