import { describe, expect, it } from 'vitest';
import { parseIgnoreFile } from '../../src/ignore/ignore-file.ts';
import { hintsForRule, linesWithSpaceAtEnd } from '../../src/ignore/rule-hints.ts';

describe('a rule gets a hint', () => {
  it.each([
    ['*.log # logs', 'comment'],
    ['  # indented', 'comment'],
    ['[!a]b', 'negated-class'],
    ['x/[!a-z]*', 'negated-class'],
    ['*.{js,ts}', 'braces'],
    ['docs\\build', 'backslash'],
    ['.', 'outside'],
    ['../other', 'outside'],
    ['..', 'outside'],
    ['/', 'outside'],
  ])('for %s: %s', (line, kind) => {
    expect(kindsOf(line)).toEqual([kind]);
  });

  it.each([
    'node_modules',
    '/node_modules',
    'dist/',
    '**/*.tmp',
    '[^a]b',
    'a[a-z]',
    '\\#file',
    '\\!file',
    'a\\[!b',
    'a#b',
    '{a}',
    '...',
    '.a',
    'a..b',
    '!src/lib',
  ])('but not for %s', (line) => {
    expect(kindsOf(line)).toEqual([]);
  });
});

it('white space at the end of a line is found, and CR LF is none', () => {
  const lines = ['a', 'b ', '# c ', '', '  ', 'd\t', 'e\r', 'f \r', ' g'];
  expect(linesWithSpaceAtEnd(Buffer.from(lines.join('\n')))).toEqual([2, 6, 8]);
});

function kindsOf(line: string): string[] {
  return parseIgnoreFile(Buffer.from(line), '.dockerignore').flatMap((rule) =>
    hintsForRule(rule).map(({ kind }) => kind),
  );
}
