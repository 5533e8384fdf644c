import { describe, expect, it } from 'vitest';
import { parseIgnoreFile } from '../../src/ignore/ignore-file.ts';
import { IgnoreRules } from '../../src/ignore/ignore-rules.ts';
import { prefixesOf, tracePath } from '../../src/ignore/trace-path.ts';

describe('the rules that touch a path', () => {
  it('are all that match it or a directory above it, in order', () => {
    const rules = rulesOf('*', '!src', 'docs', '**/*.tmp', '!src/keep.tmp');
    expect(tracePath(rules, 'src/a.tmp')).toEqual([
      { place: 0, matched: 'src' },
      { place: 1, matched: 'src' },
      { place: 3, matched: 'src/a.tmp' },
    ]);
    expect(tracePath(rules, 'src/keep.tmp').at(-1)).toEqual({ place: 4, matched: 'src/keep.tmp' });
  });

  it('are none where nothing matches', () => {
    expect(tracePath(rulesOf('a', '!b'), 'c/a')).toEqual([]);
  });

  it('are tried with runes, where names are not ASCII', () => {
    expect(tracePath(rulesOf('?.txt'), '\xc3\xa9.txt')).toEqual([
      { place: 0, matched: '\xc3\xa9.txt' },
    ]);
  });
});

it('the prefixes of a path end with itself', () => {
  expect(prefixesOf('a/b/c')).toEqual(['a', 'a/b', 'a/b/c']);
});

function rulesOf(...lines: string[]): IgnoreRules {
  return new IgnoreRules(parseIgnoreFile(Buffer.from(lines.join('\n')), '.dockerignore'));
}
