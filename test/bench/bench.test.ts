import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

// `npm run bench` runs it; here is what it makes of its results.

interface Way {
  name: string;
  rounds: number;
  wall: number;
  cpu: number;
  peak?: number;
  ratio: number;
}
interface All {
  machine: string;
  missing: string[];
  results: { shown?: string | undefined; work: string; ways: Way[] }[];
}
interface Work {
  name: string;
  where: string[];
  shown?: Record<string, string>;
}

async function load<Module>(name: string): Promise<Module> {
  return (await import(new URL(name, import.meta.url).href)) as Module;
}
const { goesOn } = await load<{
  goesOn: (walls: number[], round: number, bounds: { rounds: number; seconds: number }) => boolean;
}>('rounds.js');
const { shownResults, withFigures } = await load<{
  shownResults: (all: All) => All;
  withFigures: (readme: string, all: All, picture: string) => string;
}>('readme.js');
const { markdown, svg } = await load<{
  markdown: (all: All) => string;
  svg: (all: All) => string;
}>('render.js');
const { WORKS } = await load<{ WORKS: Work[] }>('works.js');

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const NAMES = ['ctxsync', 'tar c | tar x', 'bsdtar c | bsdtar x', 'rsync -a'];
const WAYS = NAMES.map((name, index) => ({
  name,
  rounds: 7 - index,
  wall: [0.953, 1.25, 2, 12.34][index]!,
  cpu: 1,
  peak: (100 - index) * 1e6,
  ratio: 1,
}));
const ALL: All = {
  machine: '2 cores of A & B (linux), Node v20',
  missing: [],
  results: WORKS.flatMap(({ name, where, shown }) =>
    where.map((disk) => ({ work: `${name}, ${disk}`, shown: shown?.[disk], ways: WAYS })),
  ),
};

/** Of turns that all take this long. */
function turnsOf(wall: number): number {
  const walls: number[] = [];
  for (let round = 0; round < 7; round++) {
    if (goesOn(walls, round, { rounds: 7, seconds: 20 })) walls.push(wall);
  }
  return walls.length;
}

test.each([
  [0.1, 7],
  [2.8, 7],
  [5, 4],
  [11, 3],
  [25, 1],
])('a way whose turns take %d s has %d of them', (wall, turns) => {
  expect(turnsOf(wall)).toBe(turns);
});

describe('the figures of the README', () => {
  const text = withFigures(README, ALL, 'docs/speed.svg');

  test('replace those between its marks, and nothing else', () => {
    expect(withFigures(text, ALL, 'docs/speed.svg')).toBe(text);
    expect(text.startsWith(README.slice(0, README.indexOf('<!-- bench -->')))).toBe(true);
    expect(text.endsWith(README.slice(README.indexOf('<!-- /bench -->')))).toBe(true);
  });

  test('have a row for each work that is shown, the machine, the rounds and the chart', () => {
    expect(text).toMatch(/^\| 40,000 small files, on a disk +\| 0.95 s +\| 1.3 s +\| 12.3 s +\|$/m);
    expect(text).toContain('Medians of 4 to 7 rounds in turn, on 2 cores of A & B (linux), Node');
    expect(text).toContain('took more than 100 MB');
    expect(text).toContain('](docs/speed.svg)');
  });

  test('are not written when a work is missing', () => {
    const some = { ...ALL, results: ALL.results.slice(1) };
    expect(() => withFigures(README, some, '')).toThrow('there are no results for: 40,000 small');
  });
});

test('the chart has a bar for each way that is shown, and colours for light and dark pages', () => {
  const chart = svg(shownResults(ALL));
  expect(chart.match(/<rect class="ours"/g)).toHaveLength(5);
  expect(chart.match(/<rect class="other"/g)).toHaveLength(10);
  expect(chart).toContain('prefers-color-scheme: dark');
  expect(chart).toContain('A &amp; B');
  expect(chart).not.toMatch(/&(?!amp;|lt;)/);
});

test('the list of all results has the rounds of each way', () => {
  expect(markdown(ALL)).toMatch(/^\| {2}\| tar c \\\| tar x \| 6 \| 1.25 s \| 1.00 s \| 99 MB \|/m);
});
