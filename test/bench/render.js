/** The results as Markdown: a row for each way to do a work, with its ratio to ctxsync. */
export function markdown({ machine, missing, results }) {
  const lines = [
    `${machine}. Medians of the rounds, in which all ways take turns; the slower one is, the fewer.`,
    '',
    '| work | with | rounds | wall | CPU | peak memory | ctxsync takes |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const { work, ways } of results) {
    ways.forEach(({ name: plain, rounds, wall, cpu, peak, ratio }, index) => {
      const name = plain.replaceAll('|', '\\|');
      const memory = peak === undefined ? '' : `${Math.round(peak / 1e6)} MB`;
      const times = index === 0 ? '' : `${ratio.toFixed(2)} times as long`;
      const label = index === 0 ? work : '';
      lines.push(
        `| ${label} | ${name} | ${rounds} | ${wall.toFixed(2)} s | ${cpu.toFixed(2)} s | ${memory} | ${times} |`,
      );
    });
  }
  if (missing.length > 0) lines.push('', `Not found, and so not compared: ${missing.join(', ')}.`);
  return `${lines.join('\n')}\n`;
}

const WIDTH = 720;
const BAR = 18;
const LABEL = 190;
/** Room to the right of the longest bar. */
const FIGURE = 70;

/** Colours for a light and a dark page: GitHub shows a picture in the colours that the reader's system has. */
const STYLE = `
    text { fill: #1f2328; }
    .ours { fill: #0969da; }
    .other { fill: #afb8c1; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .ours { fill: #4493f8; }
      .other { fill: #57606a; }
    }
  `;

/** A bar for each way to do a work: its wall time, as a share of the longest of that work. */
export function svg({ machine, results }) {
  const rows = [];
  let y = 18;
  const text = (x, words, style = '') =>
    rows.push(`<text x="${x}" y="${y}"${style}>${escapeXml(words)}</text>`);
  text(10, `seconds, less is better: ${machine}`);
  for (const { work, ways } of results) {
    y += 28;
    text(10, work, ' font-weight="bold"');
    const longest = Math.max(...ways.map(({ wall }) => wall));
    for (const { name, wall } of ways) {
      const width = Math.max(1, Math.round(((WIDTH - LABEL - FIGURE) * wall) / longest));
      const kind = name === 'ctxsync' ? 'ours' : 'other';
      y += BAR;
      text(24, name);
      rows.push(
        `<rect class="${kind}" x="${LABEL}" y="${y - 11}" width="${width}" height="${BAR - 4}"/>`,
      );
      text(LABEL + width + 6, seconds(wall));
    }
  }
  const size = `width="${WIDTH}" height="${y + 12}" viewBox="0 0 ${WIDTH} ${y + 12}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" font-family="sans-serif" font-size="12">`,
    `  <style>${STYLE}</style>`,
    ...rows.map((row) => `  ${row}`),
    '</svg>\n',
  ].join('\n');
}

/** Two digits at least: `0.95 s`, `1.7 s`, `11.2 s`. */
export function seconds(wall) {
  return `${wall.toFixed(wall < 1 ? 2 : 1)} s`;
}

function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
