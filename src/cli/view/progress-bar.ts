import type { Glyphs } from './glyphs.ts';

/** Columns of the shortest bar that is worth its room, and of the longest. */
const MIN_BAR_COLUMNS = 10;
const MAX_BAR_COLUMNS = 40;
/** The bar takes up to this share of the line. */
const SHARE = 5;

/** A bar for a line of `columns` columns; empty if that is too narrow. @param percent 0 to 100 */
export function progressBar(percent: number, columns: number, { bar }: Glyphs): string {
  const length = Math.min(MAX_BAR_COLUMNS, Math.floor(columns / SHARE));
  if (length < MIN_BAR_COLUMNS) return '';
  const done = Math.floor((length * percent) / 100);
  return bar.done.repeat(done) + bar.left.repeat(length - done);
}
