/**
 * Maximum columns that a text takes on a terminal: what could be wide counts as wide. A line that is
 * cut a little too early is harmless, one that wraps is not.
 */
export function maxWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** Cuts the start of a text that exceeds `columns` columns: the end of a path matters most. */
export function keepEnd(text: string, columns: number): string {
  if (maxWidth(text) <= columns) return text;
  let kept = '';
  let free = columns - 1;
  for (const char of Array.from(text).toReversed()) {
    free -= charWidth(char);
    if (free < 0) break;
    kept = char + kept;
  }
  return columns < 1 ? '' : `…${kept}`;
}

const NARROW_BELOW = 0x1100;
/** Latin and Greek extended, punctuation, arrows, mathematical operators. */
const NARROW_AGAIN = { from: 0x1e00, to: 0x22ff };

function charWidth(char: string): 1 | 2 {
  const code = char.codePointAt(0)!;
  if (code < NARROW_BELOW) return 1;
  return code >= NARROW_AGAIN.from && code <= NARROW_AGAIN.to ? 1 : 2;
}
