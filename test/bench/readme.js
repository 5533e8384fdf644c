import { seconds } from './render.js';
import { WORKS } from './works.js';

const PEERS = ['tar c | tar x', 'rsync -a'];
const BEGIN = '<!-- bench -->';
const END = '<!-- /bench -->';

/** What the README shows of all results: its works, and ctxsync beside what most people know. */
export function shownResults({ results, ...all }) {
  const shown = results.flatMap(({ shown: label, ways }) =>
    label === undefined
      ? []
      : [{ work: label, ways: ways.filter(({ name }) => ['ctxsync', ...PEERS].includes(name)) }],
  );
  const works = new Set(shown.map(({ work }) => work));
  const missing = WORKS.flatMap(({ shown: labels = {} }) => Object.values(labels)).filter(
    (label) => !works.has(label),
  );
  if (missing.length > 0) throw new Error(`there are no results for: ${missing.join('; ')}`);
  return { ...all, results: shown };
}

/**
 * The README with the figures of these results, between its two marks.
 * @param picture the path of the chart
 */
export function withFigures(readme, all, picture) {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the README has no ${BEGIN} and ${END}`);
  const { machine, results } = shownResults(all);
  const block = [
    BEGIN,
    `![The wall times of the table below as bars](${picture})`,
    table(results),
    `${roundsOf(results)}, on ${machine}.${memoryOf(all.results)} \`npm run bench\` repeats it, and compares with \`bsdtar\` and the \`tar\` package too.`,
    '',
  ].join('\n\n');
  return readme.slice(0, begin) + block + readme.slice(end);
}

/** Its columns are as wide as their longest cell, as the formatter wants them. */
function table(results) {
  const rows = [
    [
      'first transfer by a pipe, and the second over a socket',
      'ctxsync',
      ...PEERS.map((peer) => `\`${peer}\``),
    ],
    ...results.map(({ work, ways }) => [
      work,
      ...['ctxsync', ...PEERS].map((peer) => {
        const way = ways.find(({ name }) => name === peer);
        return way === undefined ? '' : seconds(way.wall);
      }),
    ]),
  ].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  const line = (cells) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const [head, ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

function roundsOf(results) {
  const rounds = results.flatMap(({ ways }) => ways.map(({ rounds: count }) => count));
  const [fewest, most] = [Math.min(...rounds), Math.max(...rounds)];
  return `Medians of ${fewest === most ? most : `${fewest} to ${most}`} rounds in turn`;
}

/** Of the largest process of ctxsync in any work, where that was measured. */
function memoryOf(results) {
  const peaks = results.flatMap(({ ways }) =>
    ways.flatMap(({ name, peak }) => (name === 'ctxsync' && peak !== undefined ? [peak] : [])),
  );
  if (peaks.length === 0) return '';
  return ` Neither side of ctxsync took more than ${Math.ceil(Math.max(...peaks) / 1e6)} MB of memory, with 300,000 files either.`;
}
