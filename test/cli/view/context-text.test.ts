import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { contextText } from '../../../src/cli/view/context-text.ts';
import { glyphsFor } from '../../../src/cli/view/glyphs.ts';
import type { ReportStyle } from '../../../src/cli/view/report-style.ts';
import type { ExplainedContext } from '../../../src/explain/explain.ts';
import type { RuleReport } from '../../../src/survey/survey-report.ts';

const CONTEXT: ExplainedContext = {
  name: '',
  directory: '/work/web',
  ignoreFile: '/work/web/.dockerignore',
  sent: { entries: 86_955, bytes: 612_000_000 },
  leftOut: { entries: 4_217, bytes: 31_200_000 },
  measured: 'all',
  largestDirectories: [
    { path: 'packages/api/node_modules', entries: 61_120, bytes: 412_000_000 },
    { path: `a/${'long/'.repeat(30)}end`, entries: 8_102, bytes: 120_000_000 },
  ],
  largestFiles: [{ path: 'data/dump.sql', bytes: 6_000_000 }],
  rules: [
    rule(1, 'node_modules', { leftOut: { entries: 4_217, bytes: 31_200_000 } }),
    rule(2, '*.log # logs', { effect: 'matches-nothing' }),
    rule(3, '!keep.log', {
      kept: { entries: 1, bytes: 4 },
      scannedDirectories: 12,
      exception: true,
    }),
    { ...rule(0, 'dist', { effect: 'overridden' }), source: '--exclude', line: undefined },
  ],
  hints: [
    {
      kind: 'root-only',
      source: '/work/web/.dockerignore',
      line: 1,
      rule: 'node_modules',
      text: 'it matches at the root only, and packages/api/node_modules is sent: write "**/node_modules" for any depth',
      sent: { entries: 61_121, bytes: 412_000_000 },
    },
  ],
  findings: [
    {
      kind: 'private-key',
      count: 4,
      entries: 4,
      bytes: 100,
      examples: ['a.pem', 'b.pem', 'c.pem'].map((path) => ({ path, bytes: 1 })),
    },
  ],
  skipped: { count: 1, paths: [{ path: 'run/x', reason: 'a socket' }] },
  unreadable: {
    count: 7,
    paths: [1, 2, 3, 4, 5, 6].map((n) => ({
      path: `s/${n}`,
      reason: `cannot open the directory s/${n}: permission denied (EACCES)`,
    })),
  },
};

const AT_80 = `/work/web
  86,955 entries, 612 MB would be sent
  4,217 entries, 31.2 MB ignored

Largest directories           entries
   412 MB  67% ████████        61,120  packages/api/node_modules
   120 MB  19% ██               8,102  …/long/long/long/long/long/long/long/end

Largest files
  6.00 MB  <1%                         data/dump.sql

Rules of .dockerignore        entries
 -31.2 MB 100% ████████████     4,217     line 1  node_modules
  matches nothing                         line 2  *.log # logs
     +4 B  <1%                      1     line 3  !keep.log
                                                  12 ignored directories scanned
  later rules decide instead           --exclude  dist

Hints
  .dockerignore:1 node_modules
    it matches at the root only, and packages/api/node_modules is sent: write
    "**/node_modules" for any depth (61,121 entries, 412 MB)

Rarely meant to be sent
  4 private keys (a.pem, b.pem, c.pem and 1 more)

Never sent
  run/x: a socket

Cannot be read, so a transfer fails
  cannot open the directory s/1: permission denied (EACCES)
  cannot open the directory s/2: permission denied (EACCES)
  cannot open the directory s/3: permission denied (EACCES)
  cannot open the directory s/4: permission denied (EACCES)
  cannot open the directory s/5: permission denied (EACCES)
  and 2 more
`;

describe('what a person reads about a context', () => {
  test('fits 80 columns', () => {
    expect(contextText(CONTEXT, style())).toBe(AT_80);
  });

  test('has wider bars and longer paths on 120 columns', () => {
    const text = contextText(CONTEXT, style({ columns: 120 }));
    expect(text).toMatch(/^ {3}412 MB {2}67% █{16} +61,120 {2}packages\/api\/node_modules$/m);
    expect(Math.max(...text.split('\n').map((line) => Array.from(line).length))).toBe(119);
  });

  test('is the same without its colours', () => {
    const coloured = contextText(CONTEXT, style({ paint: new Chalk({ level: 1 }) }));
    // oxlint-disable-next-line no-control-regex -- the colours of chalk
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(AT_80);
    expect(coloured).not.toBe(AT_80);
  });

  test('has only ASCII where a terminal has no more', () => {
    const text = contextText(CONTEXT, style({ glyphs: glyphsFor({ LANG: 'C' }) }));
    expect(text).toMatch(/^[\0-\x7f]*$/);
    expect(text).toMatch(/^ {3}412 MB {2}67% #{8} /m);
  });

  test('has whole paths where there is no terminal', () => {
    expect(contextText(CONTEXT, style({ cuts: false }))).toContain(`a/${'long/'.repeat(30)}end\n`);
  });

  test('lets nothing that a terminal interprets through', () => {
    const evil = 'x\u001b[2Jy';
    const { rules, hints, skipped } = CONTEXT;
    const text = contextText(
      {
        ...CONTEXT,
        name: evil,
        directory: evil,
        largestFiles: [{ path: evil, bytes: 1 }],
        rules: [{ ...rules[0]!, rule: evil, source: evil }],
        hints: [{ ...hints[0]!, rule: evil, text: evil }],
        skipped: { ...skipped, paths: [{ path: evil, reason: evil }] },
      },
      style(),
    );
    expect(text).not.toContain('\u001b');
  });

  test('says how much of the ignored directories is known', () => {
    const part = contextText({ ...CONTEXT, measured: 'part' }, style());
    expect(part).toContain('at least 4,217 entries, 31.2 MB ignored');
    const leftOut = { entries: 1, bytes: 0 };
    const rules = [rule(1, 'node_modules', { leftOut })];
    const none = contextText({ ...CONTEXT, measured: 'none', leftOut, rules }, style());
    expect(none).toContain('1 entry, 0 B ignored (ignored directories not looked into)');
    expect(none).toMatch(/^ {7}-\? +1 {2}line 1 {2}node_modules$/m);
  });

  test('shows of very many rules those that do most, in their order', () => {
    const rules = Array.from({ length: 100 }, (_, index) =>
      rule(index + 1, `r${index + 1}`, { leftOut: { entries: 1, bytes: index % 2 } }),
    );
    const lines = contextText({ ...CONTEXT, rules }, style()).split('\n');
    const shown = lines.filter((line) => / {2}r\d+$/.test(line));
    expect(shown).toHaveLength(40);
    expect(lines).toContain('  and 60 rules that do less');
    expect(shown[0]).toMatch(/line +2 {2}r2$/);
  });
});

function rule(line: number, text: string, report: Partial<RuleReport> = {}): RuleReport {
  const nothing = { entries: 0, bytes: 0 };
  return {
    source: '/work/web/.dockerignore',
    line,
    rule: text,
    exception: false,
    effect: 'decides',
    leftOut: nothing,
    kept: nothing,
    scannedDirectories: 0,
    ...report,
  };
}

function style(changes: Partial<ReportStyle> = {}): ReportStyle {
  return {
    columns: 80,
    cuts: true,
    glyphs: glyphsFor({ LANG: 'C.UTF-8' }),
    paint: new Chalk({ level: 0 }),
    ...changes,
  };
}
