/**
 * Maximum columns that a text takes on a terminal: what could be wide counts as wide. A line that is
 * cut a little too early is harmless, one that wraps is not.
 */
export function maxWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/**
 * Cuts the start of a text that exceeds `columns` columns: the end of a path matters most.
 * @param ellipsis takes the place of what was cut
 */
export function keepEnd(text: string, columns: number, ellipsis: string): string {
  if (maxWidth(text) <= columns) return text;
  let kept = '';
  let free = columns - ellipsis.length;
  for (const char of Array.from(text).toReversed()) {
    free -= charWidth(char);
    if (free < 0) break;
    kept = char + kept;
  }
  return (ellipsis + kept).slice(0, Math.max(0, columns));
}

const NARROW_BELOW = 0x1100;
const NARROW_AGAIN = [
  /** Latin and Greek extended, punctuation, arrows, mathematical operators. */
  { from: 0x1e00, to: 0x22ff },
  /** Block elements: the bar. */
  { from: 0x2580, to: 0x259f },
];

function charWidth(char: string): 1 | 2 {
  const code = char.codePointAt(0)!;
  if (code < NARROW_BELOW) return 1;
  return NARROW_AGAIN.some(({ from, to }) => code >= from && code <= to) ? 1 : 2;
}
