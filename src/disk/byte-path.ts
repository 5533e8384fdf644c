/**
 * A path, byte for byte: a string in which every UTF-16 unit is one byte (latin1), because a POSIX
 * name is bytes and need not be UTF-8. Comparing two of them compares their bytes.
 */
export type BytePath = string & { readonly __bytes?: never };

// oxlint-disable-next-line no-control-regex -- the ASCII range from NUL on is intended
const ASCII = /^[\0-\x7f]*$/;

/** The form that node:fs takes: a plain string where that gives the same bytes, else a Buffer. */
export function toFsPath(path: BytePath): string | Buffer {
  return ASCII.test(path) ? path : Buffer.from(path, 'latin1');
}

/** Converts a path from an argument or a message. */
export function fromText(text: string): BytePath {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/**
 * Text for people and programs, unique for each path: valid UTF-8 stays, except for `\\` for a backslash,
 * and `\xHH` for every byte that is not UTF-8 or is part of a character that could garble a terminal (a
 * control character, a change of the text direction).
 */
export function toText(path: BytePath): string {
  return PLAIN.test(path) ? path : path.replace(CHARACTERS, characterText);
}

// oxlint-disable-next-line no-control-regex -- control characters are excluded here
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;

/** A multi-byte character in UTF-8 (RFC 3629, section 4); else one byte. */
const CHARACTERS = new RegExp(
  [
    '[\\xc2-\\xdf][\\x80-\\xbf]',
    '\\xe0[\\xa0-\\xbf][\\x80-\\xbf]',
    '[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}',
    '\\xed[\\x80-\\x9f][\\x80-\\xbf]',
    '\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}',
    '[\\xf1-\\xf3][\\x80-\\xbf]{3}',
    '\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}',
    '[\\s\\S]',
  ].join('|'),
  'g',
);

const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

function characterText(bytes: string): string {
  if (bytes === '\\') return '\\\\';
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  const valid = bytes.length > 1 || bytes < '\x80';
  if (valid && !UNPRINTABLE.test(text)) return text;
  return bytes.replace(
    /[\s\S]/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Text for people that is not a path: unchanged, except for what could garble a terminal. */
export function toReadableText(bytes: string): string {
  const text = ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
  return text.replace(UNPRINTABLE_UNITS, escapeControl);
}

const UNPRINTABLE_UNITS = new RegExp(UNPRINTABLE, 'gu');

/** One UTF-16 unit as text that cannot garble a terminal: `\n`, `\x1b`, `\u202e`. */
export function escapeControl(char: string): string {
  if (char === '\n') return '\\n';
  const code = char.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}

/**
 * The order in which a context is walked and sent: a directory, then its content, siblings by their
 * bytes; so '/' sorts before every other byte. Negative: `a` comes first.
 *
 * @param from number of leading bytes that are known to be equal
 */
export function comparePaths(a: BytePath, b: BytePath, from = 0): number {
  const most = Math.min(a.length, b.length);
  for (let at = from; at < most; at++) {
    const one = a.charCodeAt(at);
    const other = b.charCodeAt(at);
    if (one !== other) return (one === SLASH ? -1 : one) - (other === SLASH ? -1 : other);
  }
  return a.length - b.length;
}

/** An entry's parent directory ('' for the root), and its name there. */
export function splitPath(path: BytePath): [directory: BytePath, name: BytePath] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}

/** Whether an entry lies in a directory, at any depth. */
export function isBeneath(path: BytePath, directory: BytePath): boolean {
  if (directory === '') return path !== '';
  return (
    path.length > directory.length && path.startsWith(directory) && path[directory.length] === '/'
  );
}

/** The name in a directory that leads to a path beneath it. */
export function nameTowards(path: BytePath, directory: BytePath): BytePath {
  const rest = directory === '' ? path : path.slice(directory.length + 1);
  return rest.split('/', 1)[0]!;
}

const SLASH = 0x2f;

/** Where an entry's name begins in its path. A loop, as V8's lastIndexOf() takes several times as long. */
export function nameStart(path: BytePath): number {
  let start = path.length;
  while (start > 0 && path.charCodeAt(start - 1) !== SLASH) start--;
  return start;
}

export function joinPath(directory: BytePath, name: BytePath): BytePath {
  return directory === '' ? name : `${directory}/${name}`;
}
