import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ContextSurvey, RuleReport } from '../../src/survey/survey-report.ts';
import { writeTree } from '../helpers/trees/sandbox.ts';
import { directoryInTest } from '../helpers/trees/directory-in-test.ts';
import { asNobody } from '../helpers/cli/as-nobody.ts';
import { surveyOf } from './survey-of.ts';

describe('the totals of a context', () => {
  it('are those of what is sent, and of what is ignored', () => {
    const root = tree({ 'a.txt': 10, 'src/b.txt': 5, 'dist/c.js': 100, 'dist/deep/d.js': 50 });
    const survey = surveyOf(root, 'dist\n');
    expect(survey).toMatchObject({
      directory: root,
      sent: { entries: 3, bytes: 15 },
      leftOut: { entries: 4, bytes: 150 },
      measured: 'all',
    });
  });

  it('do not include what ignored directories hold, if they are not looked into', () => {
    const root = tree({ 'a.txt': 10, 'dist/c.js': 100, 'x.log': 7 });
    const survey = surveyOf(root, 'dist\n*.log\n', { measureIgnored: false });
    expect(survey).toMatchObject({ leftOut: { entries: 2, bytes: 7 }, measured: 'none' });
  });

  it('follow no symlink, ignored or not', () => {
    const outside = tree({ 'huge.bin': 1_000 });
    const root = tree({ 'a.txt': 1 });
    symlinkSync(outside, join(root, 'link'));
    symlinkSync(outside, join(root, 'ignored'));
    const survey = surveyOf(root, 'ignored\n');
    expect(survey).toMatchObject({
      sent: { entries: 2, bytes: 1 },
      leftOut: { entries: 1, bytes: 0 },
    });
  });

  it('count an ignored directory as sent if something in it is', () => {
    const root = tree({ 'a/keep': 1, 'a/other': 2, 'b/other': 4 });
    const survey = surveyOf(root, '*\n!**/keep\n');
    expect(survey).toMatchObject({
      sent: { entries: 2, bytes: 1 },
      leftOut: { entries: 3, bytes: 6 },
    });
  });
});

describe('the largest directories and files', () => {
  it('come in the order of their bytes, by all that is beneath them', () => {
    const root = tree({ 'a/1': 60, 'a/2/3': 40, 'b/4': 70, 'c/5': 10, '6': 90 });
    const { largestDirectories, largestFiles } = surveyOf(root, '', { largest: 3 });
    expect(largestDirectories).toEqual([
      { path: 'a', entries: 3, bytes: 100 },
      { path: 'b', entries: 1, bytes: 70 },
      { path: 'a/2', entries: 1, bytes: 40 },
    ]);
    expect(largestFiles).toEqual([
      { path: '6', bytes: 90 },
      { path: 'b/4', bytes: 70 },
      { path: 'a/1', bytes: 60 },
    ]);
  });

  it('leave out a directory that holds little but another one', () => {
    const root = tree({ 'src/main/java/a': 95, 'src/main/b': 5, 'src/c': 1 });
    const paths = surveyOf(root, '').largestDirectories.map(({ path }) => path);
    expect(paths).toEqual(['src/main/java']);
  });

  it('are none where none are asked for', () => {
    const { largestDirectories, largestFiles } = surveyOf(tree({ 'a/b': 1, c: 2 }), '', {
      largest: 0,
    });
    expect([largestDirectories, largestFiles]).toEqual([[], []]);
  });

  it('are the first by name where they are equally large, whatever the walk meets first', () => {
    const root = tree({ 'b/1': 5, 'a/1': 5, 'c/1': 5, d: 5 });
    const { largestFiles } = surveyOf(root, '', { largest: 2 });
    expect(largestFiles.map(({ path }) => path)).toEqual(['a/1', 'b/1']);
  });

  it('have directories such as node_modules as a whole', () => {
    const root = tree({ 'a/node_modules/b/c/d': 100, 'a/node_modules/e/f': 1, '.git/g/h': 50 });
    const { largestDirectories } = surveyOf(root, '');
    expect(largestDirectories).toEqual([
      { path: 'a/node_modules', entries: 5, bytes: 101 },
      { path: '.git', entries: 2, bytes: 50 },
    ]);
  });
});

describe('each rule', () => {
  it('is told by what it leaves out, or keeps as an exception', () => {
    const root = tree({ 'a.log': 1, 'b.log': 2, 'keep.log': 4, 'dist/x': 8, 'dist/y.log': 16 });
    const rules = surveyOf(root, 'dist\n*.log\n!keep.log\nnothing\n').rules;
    expect(rules.map(brief)).toEqual([
      'dist decides -3/24 +0/0',
      '*.log decides -2/3 +0/0',
      '!keep.log decides -0/0 +1/4',
      'nothing matches-nothing -0/0 +0/0',
    ]);
    expect(rules[2]).toMatchObject({ source: '.dockerignore', line: 3, exception: true });
  });

  it('may be overridden by later rules', () => {
    const root = tree({ 'a.log': 1, b: 1 });
    const rules = surveyOf(root, '!a.log\nb\n*.log\n*\n').rules;
    expect(rules.map(({ effect }) => effect)).toEqual([
      'overridden',
      'overridden',
      'overridden',
      'decides',
    ]);
  });

  it('is credited for what it matches in directories that another one ignores', () => {
    const root = tree({ 'deps/a.tmp': 1, 'deps/b': 2 });
    const rules = surveyOf(root, 'deps\n**/*.tmp\n').rules;
    expect(rules.map(brief)).toEqual(['deps decides -2/2 +0/0', '**/*.tmp decides -1/1 +0/0']);
  });

  it('that is an exception has the ignored directories counted that are looked through for it', () => {
    const root = tree({ 'a/b/c/x': 1, 'a/d/x': 1, 'e/x': 1, '.git/x': 1 });
    const survey = surveyOf(root, '*\n!**/keep\n.git\n');
    expect(survey.rules.map(({ scannedDirectories }) => scannedDirectories)).toEqual([0, 5, 0]);
    expect(kinds(survey)).toEqual(['scanned-in-vain']);
  });
});

describe('a hint', () => {
  it('is given for a name that is ignored at the root only, with what is sent from deeper down', () => {
    const root = tree({
      'node_modules/a': 1,
      'packages/web/node_modules/b': 10,
      'packages/web/node_modules/node_modules/c': 20,
      'packages/api/node_modules/d': 40,
      'packages/api/x.log': 5,
    });
    const survey = surveyOf(root, 'node_modules\n/*.log\n!src\n');
    expect(survey.hints.map(({ kind, line, sent }) => ({ kind, line, sent }))).toEqual([
      { kind: 'root-only', line: 1, sent: { entries: 6, bytes: 70 } },
      { kind: 'root-only', line: 2, sent: { entries: 1, bytes: 5 } },
    ]);
    expect(survey.hints[0]?.text).toBe(
      'it matches at the root only, and packages/api/node_modules and 1 more are sent: write "**/node_modules" for any depth',
    );
  });

  it('is not given where the deeper ones are ignored, too, or the pattern says at any depth', () => {
    const root = tree({ 'a/dist/x': 1, 'b/x.log': 1, 'c/y': 1 });
    expect(kinds(surveyOf(root, 'dist\n**/dist\n**/*.log\n*.log\n*\n!c\n!c/**\n'))).toEqual([]);
  });

  it('names the rule that makes an exception void', () => {
    const root = tree({ 'logs/keep.log': 1 });
    const rules = '!logs/keep.log\nlogs\n';
    const { hints } = surveyOf(root, rules);
    expect(surveyOf(root, rules, { measureIgnored: false }).hints).toEqual(hints);
    expect(hints).toEqual([
      {
        kind: 'void-exception',
        source: '.dockerignore',
        line: 1,
        rule: '!logs/keep.log',
        text: 'the exception is void: "logs" in line 2 comes after it and decides; put the exception after that',
      },
    ]);
  });

  it('says that white space at the end of lines does not count', () => {
    const { hints } = surveyOf(tree({ a: 1 }), 'a \nb\t\nc\r\n');
    expect(hints).toMatchObject([
      { kind: 'space-at-end', text: expect.stringContaining('lines 1, 2') },
    ]);
  });
});

describe('what cannot be sent', () => {
  it('is counted by path and reason, and the rest is explained all the same', () => {
    const root = tree({ 'a.txt': 1, 'secret/x': 1, 'z.txt': 1 });
    execFileSync('mkfifo', [join(root, 'pipe')]);
    mkdirSync(join(root, 'ignored'));
    for (const path of ['secret', 'ignored']) chmodSync(join(root, path), 0);
    let survey: ContextSurvey | undefined;
    asNobody(root, () => (survey = surveyOf(root, 'ignored\n')));
    expect(survey).toMatchObject({
      skipped: { count: 1, paths: [{ path: 'pipe', reason: 'a FIFO' }] },
      unreadable: { count: 1, paths: [{ path: 'secret' }] },
      sent: { entries: 3, bytes: 2 },
      measured: 'part',
    });
  });
});

/** @param files sizes by path */
function tree(files: Record<string, number>): string {
  return directoryInTest((root) =>
    writeTree(
      root,
      Object.fromEntries(Object.entries(files).map(([path, size]) => [path, 'x'.repeat(size)])),
    ),
  );
}

function brief({ rule, effect, leftOut, kept }: RuleReport): string {
  return `${rule} ${effect} -${leftOut.entries}/${leftOut.bytes} +${kept.entries}/${kept.bytes}`;
}

function kinds({ hints }: ContextSurvey): string[] {
  return hints.map(({ kind }) => kind);
}
