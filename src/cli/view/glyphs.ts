/** The characters that a terminal shows besides letters and digits. */
export interface Glyphs {
  /** Between the parts of a line. */
  separator: string;
  /** In place of the part of a path that is left out. */
  ellipsis: string;
  /** The part of the bar that is done, and the rest. */
  bar: { done: string; left: string };
  /** Frames of the spinner, all of one column; undefined: ora's own. */
  frames: readonly string[] | undefined;
}

const UNICODE: Glyphs = {
  separator: ' · ',
  ellipsis: '…',
  bar: { done: '█', left: '░' },
  frames: undefined,
};

const ASCII: Glyphs = {
  separator: ', ',
  ellipsis: '...',
  bar: { done: '#', left: '-' },
  frames: ['-', '\\', '|', '/'],
};

/**
 * What the terminal can show: with a locale that is not UTF-8, or none (POSIX.1-2017, Base Definitions,
 * 8.2: LC_ALL, then LC_CTYPE, then LANG), only ASCII.
 */
export function glyphsFor(env: Readonly<Record<string, string | undefined>>): Glyphs {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(isSet) ?? '';
  return /utf-?8/i.test(locale) ? UNICODE : ASCII;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
