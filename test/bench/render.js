/** The results as Markdown: a row for each way to do a work, with its ratio to ctxsync. */
export function markdown({ machine, rounds, missing, results }) {
  const lines = [
    `${machine}. Medians of ${rounds} rounds, in which all ways take turns.`,
    '',
    '| work | with | wall | CPU | peak memory | ctxsync takes |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  for (const { work, ways } of results) {
    ways.forEach(({ name: plain, wall, cpu, peak, ratio }, index) => {
      const name = plain.replaceAll('|', '\\|');
      const memory = peak === undefined ? '' : `${Math.round(peak / 1e6)} MB`;
      const times = index === 0 ? '' : `${ratio.toFixed(2)} times as long`;
      const label = index === 0 ? work : '';
      lines.push(
        `| ${label} | ${name} | ${wall.toFixed(2)} s | ${cpu.toFixed(2)} s | ${memory} | ${times} |`,
      );
    });
  }
  if (missing.length > 0) lines.push('', `Not found, and so not compared: ${missing.join(', ')}.`);
  return `${lines.join('\n')}\n`;
}

const WIDTH = 720;
const BAR = 18;
const LABEL = 250;

/** A bar for each way to do a work: its wall time, as a share of the longest of that work. */
export function svg({ machine, results }) {
  const rows = [];
  let y = 30;
  const text = (x, at, words, style = '') =>
    rows.push(`<text x="${x}" y="${at}" ${style}>${words.replaceAll('&', '&amp;')}</text>`);
  text(10, 18, machine, 'font-weight="bold"');
  for (const { work, ways } of results) {
    y += 14;
    text(10, y, work, 'font-weight="bold"');
    y += 6;
    const longest = Math.max(...ways.map(({ wall }) => wall));
    for (const { name, wall } of ways) {
      const width = Math.max(1, Math.round(((WIDTH - LABEL - 90) * wall) / longest));
      const colour = name === 'ctxsync' ? '#2a6fb0' : '#9aa5b1';
      text(24, y + BAR - 5, name);
      rows.push(
        `<rect x="${LABEL}" y="${y}" width="${width}" height="${BAR - 4}" fill="${colour}"/>`,
      );
      text(LABEL + width + 6, y + BAR - 5, `${wall.toFixed(2)} s`);
      y += BAR;
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 12}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>${rows.join('')}</svg>\n`;
}
