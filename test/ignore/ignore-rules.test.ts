import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromText, toText, type BytePath } from '../../src/disk/byte-path.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { MAX_IGNORE_RULES } from '../../src/limits.ts';
import { parseGivenRule, parseIgnoreFile } from '../../src/ignore/ignore-file.ts';
import { decodeRunes } from '../../src/ignore/ignore-pattern.ts';
import {
  IgnoreRules,
  type Decision,
  type DirectoryMatch,
  type IgnoreRule,
} from '../../src/ignore/ignore-rules.ts';
import { proving } from '../helpers/proofs.ts';

interface Case {
  name: string;
  patterns: string[];
  files: string[];
  kept?: string[];
  raw?: string;
  error?: boolean;
  dirs?: string[];
  keptDirs?: string[];
  goneDirs?: string[];
}

const fixture = new URL('../fixtures/dockerignore.json', import.meta.url);
const cases = JSON.parse(readFileSync(fixture, 'utf8')) as Case[];

describe('cases from the tests of moby, BuildKit, fsutil, docker-py and balena', () => {
  it.each(cases.filter(({ error }) => error === true))('refused: $name', (example) => {
    expect(() => rulesOf(example)).toThrow(CtxsyncError);
  });

  it.each(cases.filter(({ error }) => error !== true))('$name', (example) => {
    const rules = rulesOf(example);
    const tree = treeOf(example.files.map(fromText), (example.dirs ?? []).map(fromText));
    const pruned = walk(rules, tree, true);
    expect(pruned.files.map(toText).toSorted()).toEqual((example.kept ?? []).toSorted());
    expect(pruned).toEqual(walk(rules, tree, false));
    expect(pruned.directories.map(toText)).toEqual(expect.arrayContaining(example.keptDirs ?? []));
    for (const gone of example.goneDirs ?? [])
      expect(pruned.directories).not.toContain(fromText(gone));
  });
});

describe('rules', () => {
  it('are decided by the last that matches the path or a directory above it', () => {
    const rules = ruleList('dir', '*.md', '!dir/keep', 'dir/keep/*.tmp');
    const at = (path: string) => decide(rules, path);
    expect(at('src').rule).toBeUndefined();
    expect(at('a.md').rule).toMatchObject({ text: '*.md', line: 2, source: '.dockerignore' });
    expect(at('dir/x/y').rule?.text).toBe('dir');
    expect(at('dir/keep')).toMatchObject({ ignored: false, rule: { text: '!dir/keep' } });
    expect(at('dir/keep/a').rule?.text).toBe('!dir/keep');
    expect(at('dir/keep/a.tmp').ignored).toBe(true);
  });

  it('match a directory above even if no earlier rule ignored it', () => {
    // Here BuildKit's walk (MatchesUsingParentResults) ignores a/b; see IgnoreRules.
    expect(decide(ruleList('a/b', '!a'), 'a/b').ignored).toBe(false);
  });

  it('match names that are not UTF-8', () => {
    const rules = ruleList('?.o', '!caf*');
    expect(decide(rules, '\xff.o').ignored).toBe(true);
    expect(decide(rules, '\xe2\x82.o').ignored).toBe(false);
    expect(decide(rules, 'caf\xe9').rule?.text).toBe('!caf*');
  });

  it('match nothing if there are none', () => {
    const rules = new IgnoreRules([]);
    expect(decide(rules, 'a/b')).toMatchObject({ ignored: false, rule: undefined });
  });

  it('from the command line come after those of the file', () => {
    const file = parseIgnoreFile(Buffer.from('*\n!src'), '.dockerignore');
    const options = [
      parseGivenRule('src/tmp', '--exclude') as IgnoreRule,
      parseGivenRule('!src/tmp/keep', '--include') as IgnoreRule,
    ];
    const rules = new IgnoreRules([...file, ...options]);
    expect(decide(rules, 'src/tmp/x').rule).toMatchObject({ source: '--exclude', text: 'src/tmp' });
    expect(decide(rules, 'src/tmp/keep').ignored).toBe(false);
  });

  it('are refused over their limit', () => {
    const file = parseIgnoreFile(Buffer.from('a\n'.repeat(MAX_IGNORE_RULES)), 'f');
    const one = parseGivenRule('b', '--exclude') as IgnoreRule;
    expect(() => new IgnoreRules([...file, one])).toThrow(CtxsyncError);
  });
});

describe('an ignored directory', () => {
  it('is pruned unless an exception could match beneath it', () => {
    const rules = ruleList('*', '!src/lib/keep', '!docs/*.md');
    expect(rules.couldIncludeBeneath('src', decide(rules, 'src'))).toBe(true);
    expect(rules.couldIncludeBeneath('src/lib', decide(rules, 'src/lib'))).toBe(true);
    expect(rules.couldIncludeBeneath('src/bin', decide(rules, 'src/bin'))).toBe(false);
    expect(rules.couldIncludeBeneath('docs', decide(rules, 'docs'))).toBe(true);
    expect(rules.couldIncludeBeneath('docs/old', decide(rules, 'docs/old'))).toBe(false);
    expect(rules.couldIncludeBeneath('.git', decide(rules, '.git'))).toBe(false);
  });

  it('is pruned despite a rule that only ignores more beneath it', () => {
    const rules = ruleList('dir', 'dir/x');
    expect(rules.couldIncludeBeneath('dir', decide(rules, 'dir'))).toBe(false);
  });

  it('is pruned despite an exception before the rule that ignored it', () => {
    const rules = ruleList('*', '!**/*.py', '.git');
    expect(rules.couldIncludeBeneath('.git', decide(rules, '.git'))).toBe(false);
    expect(rules.couldIncludeBeneath('src', decide(rules, 'src'))).toBe(true);
    expect(rules.couldIncludeBeneath('.git', rules.root())).toBe(true);
  });
});

describe('for every tree and list of rules', () => {
  const part = fc.constantFrom('a', 'b', 'ab', 'a.b', 'é');
  const path = fc
    .array(part, { minLength: 1, maxLength: 4 })
    .map((parts) => fromText(parts.join('/')));
  const globPart = fc.constantFrom(
    'a',
    'b',
    'ab',
    '*',
    '**',
    '*b',
    'a*',
    '?',
    '[^a]',
    '*.b',
    '**b',
    'é',
    '\\.',
  );
  const pattern = fc
    .array(globPart, { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('/'));
  const line = fc.tuple(fc.constantFrom('', '!'), pattern).map(([sign, glob]) => sign + glob);
  const lines = fc.array(line, { maxLength: 6 });

  it('deciding directory by directory equals matching every parent again', () => {
    fc.assert(
      fc.property(lines, path, (written, target) => {
        const rules = ruleList(...written);
        expect(decide(rules, target).ignored).toBe(matchesOrParentMatches(written, target));
      }),
      proving(20_000),
    );
  });

  it('pruning changes nothing, with or without the directory’s own state', () => {
    fc.assert(
      fc.property(lines, fc.uniqueArray(path, { maxLength: 20 }), (written, paths) => {
        const rules = ruleList(...written);
        const tree = treeOf(paths, []);
        const whole = walk(rules, tree, false);
        expect(walk(rules, tree, true)).toEqual(whole);
        expect(walk(rules, tree, true, false)).toEqual(whole);
      }),
      proving(10_000),
    );
  });
});

function rulesOf({ raw, patterns }: Case): IgnoreRules {
  const content = raw === undefined ? `${patterns.join('\n')}\n` : Buffer.from(raw, 'base64');
  return new IgnoreRules(parseIgnoreFile(Buffer.from(content), '.dockerignore'));
}

function ruleList(...lines: string[]): IgnoreRules {
  return new IgnoreRules(parseIgnoreFile(Buffer.from(lines.join('\n')), '.dockerignore'));
}

function decide(rules: IgnoreRules, path: BytePath): Decision {
  const parts = path.split('/');
  let decision = rules.decide(parts[0] as string, rules.root());
  for (let depth = 2; depth <= parts.length; depth++) {
    decision = rules.decide(parts.slice(0, depth).join('/'), decision);
  }
  return decision;
}

/** The slow reference: patternmatcher.go MatchesOrParentMatches, line for line. */
function matchesOrParentMatches(lines: readonly string[], file: BytePath): boolean {
  let matched = false;
  const parents = file.split('/').slice(0, -1);
  for (const { negated, pattern } of parseIgnoreFile(Buffer.from(lines.join('\n')), 'f')) {
    if (negated !== matched) continue;
    let match = pattern.matches(file, decodeRunes(file));
    for (let depth = 1; !match && depth <= parents.length; depth++) {
      const parent = parents.slice(0, depth).join('/');
      match = pattern.matches(parent, decodeRunes(parent));
    }
    if (match) matched = !negated;
  }
  return matched;
}

/** Each directory's children; undefined for a file. */
type Tree = Map<string, Tree | undefined>;

function treeOf(files: readonly BytePath[], directories: readonly BytePath[]): Tree {
  const root: Tree = new Map();
  for (const path of directories) enter(root, path.split('/'));
  for (const path of files) {
    const parts = path.split('/');
    const name = parts.pop() as string;
    const parent = enter(root, parts);
    if (!parent.has(name)) parent.set(name, undefined);
  }
  return root;
}

function enter(root: Tree, parts: readonly string[]): Tree {
  let directory = root;
  for (const name of parts) {
    const child = directory.get(name) ?? new Map<string, Tree | undefined>();
    directory.set(name, child);
    directory = child;
  }
  return directory;
}

/** What a walk keeps. A directory is kept if it is not ignored, or contains something that is kept. */
function walk(
  rules: IgnoreRules,
  tree: Tree,
  prune: boolean,
  informed = true,
): { files: BytePath[]; directories: BytePath[] } {
  const kept = { files: [] as BytePath[], directories: [] as BytePath[] };
  const visit = (directory: Tree, path: BytePath, match: DirectoryMatch): void => {
    for (const [name, child] of directory) {
      const childPath = path === '' ? name : `${path}/${name}`;
      const decision = rules.decide(childPath, match);
      if (child === undefined) {
        if (!decision.ignored) kept.files.push(childPath);
        continue;
      }
      const known = informed ? decision : rules.root();
      if (decision.ignored && prune && !rules.couldIncludeBeneath(childPath, known)) continue;
      const before = kept.files.length + kept.directories.length;
      visit(child, childPath, decision);
      const holdsKept = kept.files.length + kept.directories.length > before;
      if (!decision.ignored || holdsKept) kept.directories.push(childPath);
    }
  };
  visit(tree, '', rules.root());
  return kept;
}
