import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromText, type BytePath } from '../../src/disk/byte-path.ts';
import { decodeRunes } from '../../src/ignore/ignore-pattern.ts';
import type { IgnoreRules } from '../../src/ignore/ignore-rules.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';
import { explained, rulesOf, sentPaths, SOURCE, surveyOf, verdictsOf } from './survey-of.ts';

interface Case {
  name: string;
  patterns: string[];
  /** base64 of the file; used instead of the patterns */
  raw?: string;
  files: string[];
  dirs?: string[];
  kept?: string[];
  error?: boolean;
}

const fixture = new URL('../fixtures/dockerignore.json', import.meta.url);
const CASES = (JSON.parse(readFileSync(fixture, 'utf8')) as Case[]).filter(
  ({ error }) => error !== true,
);

// Of every path of every case: its verdict is what a transfer does, and its rule is the one that moby's own
// loop arrives at.
describe('every case of the tests of moby, BuildKit and others is explained', () => {
  it.each(CASES)('$name', (each) =>
    withDirectory((root) => {
      writeTree(root, Object.fromEntries(each.files.map((path) => [path, path])));
      for (const path of each.dirs ?? []) mkdirSync(join(root, path), { recursive: true });
      const content =
        each.raw === undefined ? `${each.patterns.join('\n')}\n` : Buffer.from(each.raw, 'base64');
      const rules = rulesOf(content);
      const verdicts = verdictsOf(root, rules);

      const sent = verdicts.flatMap(([verdict, , path = '']) => (verdict === 'sent' ? path : []));
      expect(sent.toSorted()).toEqual(sentPaths(root, rules).toSorted());
      const sentFiles = sent.filter((path) => !path.endsWith('/'));
      expect(sentFiles.toSorted()).toEqual((each.kept ?? []).map(fromText).toSorted());
      const files = verdicts.flatMap(([, , path = '']) => (path.endsWith('/') ? [] : path));
      expect(files.toSorted()).toEqual(each.files.map(fromText).toSorted());

      for (const [verdict, rule, written = ''] of verdicts) {
        const path = written.replace(/\/$/, '');
        const { place, matched } = mobysVerdict(rules, path);
        expect({ path, rule }).toEqual({ path, rule: ruleText(rules, place) });
        // A directory may be sent for what is in it.
        if (!written.endsWith('/')) expect(verdict).toBe(matched ? 'ignored' : 'sent');
        expectExplained(root, String(content), { path, verdict: verdict!, rules, place });
      }
      expectCounted(root, content, verdicts);
    }),
  );
});

function expectExplained(
  root: string,
  content: string,
  {
    path,
    verdict,
    rules,
    place,
  }: { path: string; verdict: string; rules: IgnoreRules; place: number },
): void {
  // An argument is text.
  if (Buffer.from(path, 'latin1').toString().includes('\ufffd')) return;
  const asked = Buffer.from(path, 'latin1').toString();
  const { rules: touching, ...rest } = explained(root, content, asked);
  expect({ path, verdict: rest.verdict }).toEqual({ path, verdict });
  const decider = touching.at(-1);
  const rule = decider === undefined ? '' : `${SOURCE}:${decider.line}:${decider.rule}`;
  expect(fromText(rule)).toBe(ruleText(rules, place));
}

function expectCounted(root: string, content: string | Buffer, verdicts: string[][]): void {
  const { sent, leftOut, rules } = surveyOf(root, content);
  const count = (wanted: string): number =>
    verdicts.filter(([verdict]) => verdict === wanted).length;
  expect({ sent: sent.entries, leftOut: leftOut.entries }).toEqual({
    sent: count('sent'),
    leftOut: count('ignored'),
  });
  const byRules = rules.reduce((sum, rule) => sum + rule.leftOut.entries, 0);
  expect(byRules).toBe(leftOut.entries);
}

/**
 * patternmatcher.go MatchesOrParentMatches, line for line, on the whole path. It skips a rule that changes
 * nothing; here the last rule that matches is looked for, so those are tried, too.
 */
function mobysVerdict(rules: IgnoreRules, file: BytePath): { matched: boolean; place: number } {
  const parents = file.split('/').slice(0, -1);
  let matched = false;
  let place = -1;
  for (const [at, { negated, pattern }] of rules.list.entries()) {
    let match = pattern.matches(file, decodeRunes(file));
    for (let depth = 1; !match && depth <= parents.length; depth++) {
      const parent = parents.slice(0, depth).join('/');
      match = pattern.matches(parent, decodeRunes(parent));
    }
    if (!match) continue;
    place = at;
    matched = !negated;
  }
  return { matched, place };
}

function ruleText(rules: IgnoreRules, place: number): string {
  const rule = rules.list[place];
  return rule === undefined ? '' : fromText(`${SOURCE}:${rule.line}:${rule.text}`);
}
