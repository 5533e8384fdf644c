/**
 * A path, byte for byte: a string in which every UTF-16 unit is one byte (latin1), because a POSIX
 * name is bytes and need not be UTF-8. Comparing two of them compares their bytes.
 */
export type BytePath = string & { readonly __bytes?: never };

// oxlint-disable-next-line no-control-regex -- the ASCII range, from NUL on, is what is asked for
const ASCII = /^[\0-\x7f]*$/;

/** The form that node:fs takes: a plain string where that is the same bytes, else a Buffer. */
export function toFsPath(path: BytePath): string | Buffer {
  return ASCII.test(path) ? path : Buffer.from(path, 'latin1');
}

/** A path as an argument or a message gave it. */
export function fromText(text: string): BytePath {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** Text for people: UTF-8 where it is, and no control character that could garble a terminal. */
export function toText(path: BytePath): string {
  const text = ASCII.test(path) ? path : Buffer.from(path, 'latin1').toString('utf8');
  // oxlint-disable-next-line no-control-regex -- control characters are what is replaced
  return text.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]/g, escapeControl);
}

/** One UTF-16 unit as text that cannot garble a terminal: `\n`, `\x1b`, `\u202e`. */
export function escapeControl(char: string): string {
  if (char === '\n') return '\\n';
  const code = char.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}

/**
 * The order in which a context is walked and travels: a folder, then all that is in it, siblings by
 * their bytes; so '/' sorts before every other byte. Negative: `a` comes first.
 *
 * @param from bytes at the start that are known to be the same
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

/** The folder that an entry lies in ('' for the root), and its name there. */
export function splitPath(path: BytePath): [folder: BytePath, name: BytePath] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}

/** Whether an entry lies in a folder, at any depth. */
export function isBeneath(path: BytePath, folder: BytePath): boolean {
  if (folder === '') return path !== '';
  return path.length > folder.length && path.startsWith(folder) && path[folder.length] === '/';
}

const SLASH = 0x2f;

export function joinPath(folder: BytePath, name: BytePath): BytePath {
  return folder === '' ? name : `${folder}/${name}`;
}
