import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { MAX_IGNORE_FILE_BYTES, MAX_IGNORE_RULES } from '../../src/limits.ts';
import {
  cleanPath,
  parseIgnoreFile,
  parseGivenRule,
  trimSpace,
} from '../../src/ignore/ignore-file.ts';
import { decodeRunes } from '../../src/ignore/ignore-pattern.ts';
import type { IgnoreRule } from '../../src/ignore/ignore-rules.ts';

describe('parsing an ignore file as moby/patternmatcher does', () => {
  it('drops a byte order mark, comments and blank lines, with CRLF or LF', () => {
    const rules = parse('\uFEFFfoo\r\n# note\r\n\r\n  \t\r\n!bar \r\n');
    expectRules(rules, 'foo', '!bar');
    expect(rules.map(({ text, source, line }) => ({ text, source, line }))).toEqual([
      { text: 'foo', source: '.dockerignore', line: 1 },
      { text: '!bar', source: '.dockerignore', line: 5 },
    ]);
  });

  it('drops a byte order mark before a comment, but only on the first line', () => {
    expectRules(parse('\uFEFF# note\nfoo'), 'foo');
    expectRules(parse('foo\n\uFEFFbar'), 'foo', '\xef\xbb\xbfbar');
  });

  it.each<[line: string, path: string]>([
    ['./foo', 'foo'],
    ['.//bar/./x', 'bar/x'],
    ['a/b/../c', 'a/c'],
    ['node_modules/', 'node_modules'],
    ['/foo/bar/', 'foo/bar'],
    ['//foo', 'foo'],
    ['/', '/'],
    ['.', '.'],
    ['../a', '../a'],
    ['/../a', 'a'],
    ['  # x', '# x'],
    ['\\#x', '#x'],
    ['!  /a/b', '!a/b'],
    ['!!foo', '!!foo'],
    ['/!a', '!a'],
    ['./!a', '!a'],
    ['/!/c', '!/c'],
    ['b /', 'b'],
    ['/ b', 'b'],
    ['!../../a', 'a'],
    ['{a,b}', '{a,b}'],
    ['**/', '**'],
    ['\u00a0foo\u2003\u0085', 'foo'],
    ['foo\u200b', 'foo\xe2\x80\x8b'],
  ])('reads "%s" as the rule for "%s"', (line, path) => {
    expectRules(parse(line), path);
  });

  it('keeps a pattern that is not UTF-8, byte for byte', () => {
    const [rule] = parseIgnoreFile(Buffer.from('caf\xe9 \n', 'latin1'), '.dockerignore');
    expect(rule?.pattern.matches('caf\xe9', 'caf\uFFFD')).toBe(true);
    expect(rule?.pattern.matches('caf\xea', 'caf\uFFFD')).toBe(false);
  });

  it('reads a view into a larger buffer', () => {
    const bytes = Buffer.from('xxfoo\nyy').subarray(2, 6);
    expectRules(parseIgnoreFile(bytes, 'f'), 'foo');
  });

  it('finds no rule in an empty file', () => {
    expect(parse('')).toEqual([]);
    expect(parse('\uFEFF')).toEqual([]);
    expect(parse('/ /')).toEqual([]);
  });
});

describe('a bad rule is refused with its file and line', () => {
  it.each<[content: string, message: string]>([
    ['a\n\n!', 'web/.dockerignore:3: illegal exclusion pattern "!"; '],
    ['! \r\n', 'web/.dockerignore:1: illegal exclusion pattern "!"; '],
    ['!/', 'web/.dockerignore:1: illegal exclusion pattern "!/"; '],
    ['/!', 'web/.dockerignore:1: illegal exclusion pattern "/!"; '],
    ['# x\na[', 'web/.dockerignore:2: syntax error in pattern "a["; close the class'],
    ['[', 'web/.dockerignore:1: syntax error in pattern "["; close the class'],
    ['[]', 'web/.dockerignore:1: syntax error in pattern "[]"; close the class'],
    ['!a\\', 'web/.dockerignore:1: syntax error in pattern "!a\\"; write "\\\\"'],
    ['[b-a]', 'web/.dockerignore:1: syntax error in pattern "[b-a]"; write the lower end'],
    ['a\x1b[', 'web/.dockerignore:1: syntax error in pattern "a\\x1b["; close the class'],
  ])('%j', (content, message) => {
    const error = refusal(() => parseIgnoreFile(Buffer.from(content), 'web/.dockerignore'));
    expect(error).toMatchObject({ code: 'bad-ignore-rule', path: 'web/.dockerignore' });
    expect(error.message.slice(0, message.length)).toBe(message);
  });

  it('if the file, a line, or the number of rules is over its limit', () => {
    expect(refusal(() => parse('#'.repeat(MAX_IGNORE_FILE_BYTES + 1))).message).toContain('bytes');
    expect(refusal(() => parse(`a\n${'b'.repeat(65_536)}`)).message).toContain(':2: line is too');
    expect(parse('b'.repeat(65_535))).toHaveLength(1);
    const many = 'a\n'.repeat(MAX_IGNORE_RULES);
    expect(parse(many)).toHaveLength(MAX_IGNORE_RULES);
    expect(refusal(() => parse(`${many}a`)).message).toContain(`:${MAX_IGNORE_RULES + 1}: more`);
  });
});

describe('a file that is not UTF-8 text, whose rules would match nothing, is refused', () => {
  const utf16le = Buffer.from('\uFEFFsecret\n', 'utf16le');
  const utf32le = Buffer.from('fffe000073000000', 'hex');

  it.each<[what: string, bytes: Buffer, message: string]>([
    ['UTF-16, as PowerShell writes it', utf16le, 'f:1: the file is UTF-16 or UTF-32; save'],
    ['UTF-16, big-endian', Buffer.from(utf16le).swap16(), 'f:1: the file is UTF-16 or UTF-32'],
    ['UTF-32', utf32le, 'f:1: the file is UTF-16 or UTF-32'],
    ['UTF-32, big-endian', Buffer.from(utf32le).swap32(), 'f:1: the line has a NUL byte'],
    ['UTF-16 without a mark', utf16le.subarray(2), 'f:1: the line has a NUL byte, as in UTF-16'],
    ['a NUL', Buffer.from('a\nb\n# \0\n'), 'f:3: the line has a NUL byte'],
    [
      'lines that end with CR',
      Buffer.from('# x\rsecret\r'),
      'f:1: the line contains a carriage return',
    ],
  ])('%s', (_, bytes, message) => {
    const error = refusal(() => parseIgnoreFile(bytes, 'f'));
    expect(error.code).toBe('bad-ignore-rule');
    expect(error.message).toContain(message);
  });

  it('a pattern with a NUL is refused, too', () => {
    const error = refusal(() => parseGivenRule('a\0', '--exclude'));
    expect(error.message).toBe('--exclude: the pattern has a NUL byte; remove it');
  });
});

describe('the error that is sent to the peer for a bad rule', () => {
  it('has the name and line of its file, but no text of it', () => {
    const tell = (text: string) => refusal(() => parseIgnoreFile(Buffer.from(text), '/home/me/.x'));
    expect(tell('a\nhunter2[').forPeer).toBe('.x:2: syntax error in pattern');
    expect(tell('!').forPeer).toBe('.x:1: illegal exclusion pattern');
    const option = refusal(() => parseGivenRule('hunter2[', '--exclude'));
    expect(option.forPeer).toBe('--exclude: syntax error in pattern');
  });
});

describe('rules from the command line', () => {
  it.each<[option: '--exclude' | '--include', pattern: string, read: string]>([
    ['--exclude', '/src/', 'src'],
    ['--include', ' src/keep ', '!src/keep'],
    ['--exclude', '#note', '#note'],
    ['--exclude', '!web', '!web'],
    ['--include', '!web', '!!web'],
  ])('%s "%s" is read as the line "%s"', (option, pattern, read) => {
    const rule = parseGivenRule(
      option === '--include' ? `!${pattern}` : pattern,
      option,
    ) as IgnoreRule;
    expectRules([rule], read);
    expect(rule).toMatchObject({ source: option, line: undefined });
  });

  it('are omitted if the pattern is blank', () => {
    expect(parseGivenRule('', '--exclude')).toBeUndefined();
    expect(parseGivenRule(' ', '--exclude')).toBeUndefined();
  });

  it('are refused with the name of their option', () => {
    const bad = (option: '--exclude' | '--include', pattern: string) =>
      refusal(() => parseGivenRule(option === '--include' ? `!${pattern}` : pattern, option))
        .message;
    expect(bad('--exclude', 'a[')).toMatch(/^--exclude: syntax error in pattern "a\["; /);
    expect(bad('--include', '')).toMatch(/^--include: illegal exclusion pattern "!"; /);
  });

  it('match names beyond ASCII', () => {
    const rule = parseGivenRule('café', '--exclude');
    expect(rule?.text).toBe('café');
    expect(rule?.pattern.matches('caf\xc3\xa9', 'café')).toBe(true);
  });
});

describe('functions ported from Go', () => {
  // path/filepath path_test.go, cleantests.
  it.each([
    ['', '.'],
    ['abc', 'abc'],
    ['abc/def', 'abc/def'],
    ['.', '.'],
    ['..', '..'],
    ['../..', '../..'],
    ['../../abc', '../../abc'],
    ['/abc', '/abc'],
    ['/', '/'],
    ['abc/', 'abc'],
    ['../', '..'],
    ['abc//def//ghi', 'abc/def/ghi'],
    ['//abc', '/abc'],
    ['abc/./def', 'abc/def'],
    ['abc/def/..', 'abc'],
    ['abc/def/../..', '.'],
    ['/abc/def/../..', '/'],
    ['abc/def/../../..', '..'],
    ['/abc/def/../../..', '/'],
    ['abc/def/../../../ghi/jkl/../../../mno', '../../mno'],
    ['/../abc', '/abc'],
    ['abc/../../././../def', '../../def'],
  ])('cleanPath("%s") is "%s"', (path, clean) => {
    expect(cleanPath(path)).toBe(clean);
  });

  it('trimSpace removes white space from both ends, and nothing else', () => {
    const unit = fc.constantFrom(
      ' ',
      '\t',
      '\r',
      '\xc2\x85',
      '\xe2\x80\x83',
      '\xe3\x80\x80',
      'a',
      '\xe2',
      '\x85',
    );
    const space = fc.constantFrom(
      ' ',
      '\t',
      '\v',
      '\xc2\x85',
      '\xc2\xa0',
      '\xe2\x80\x83',
      '\xe1\x9a\x80',
    );
    fc.assert(
      fc.property(fc.array(space), fc.array(unit), fc.array(space), (before, inner, after) => {
        const text = `x${inner.join('')}x`;
        expect(trimSpace(before.join('') + text + after.join(''))).toBe(text);
      }),
    );
    expect(trimSpace(' '.repeat(500_000))).toBe('');
    expect(trimSpace('\x85a\xa0')).toBe('\x85a\xa0');
  });
});

function parse(content: string): IgnoreRule[] {
  return parseIgnoreFile(Buffer.from(content), '.dockerignore');
}

/** Each is a path that its pattern matches, after a "!" if the rule is an exception. */
function expectRules(rules: readonly IgnoreRule[], ...expected: string[]): void {
  const read = rules.map(({ negated, pattern }, place) => {
    const path = expected[place]?.slice(negated ? 1 : 0) ?? '';
    return `${negated ? '!' : ''}${pattern.matches(path, decodeRunes(path)) ? path : '?'}`;
  });
  expect(read).toEqual(expected);
}

function refusal(action: () => unknown): CtxsyncError {
  try {
    action();
  } catch (error) {
    if (error instanceof CtxsyncError) return error;
    throw error;
  }
  throw new Error('was not refused');
}
