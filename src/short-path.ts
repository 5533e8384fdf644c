import { MAX_SHOWN_PATH_CHARS } from './limits.ts';

/** A log or terminal may show ASCII only. */
const ELLIPSIS = '...';

/** A path as a message shows it: of a very long path only the end, which matters most. */
export function shortPath(path: string): string {
  if (path.length <= MAX_SHOWN_PATH_CHARS) return path;
  // Do not begin in the middle of a surrogate pair.
  return `${ELLIPSIS}${path.slice(ELLIPSIS.length - MAX_SHOWN_PATH_CHARS).replace(/^[\udc00-\udfff]/, '')}`;
}

/**
 * Shortens a very long path in a message, so that the line stays readable and its cause is not lost.
 *
 * @param path the path that the message is about
 */
export function shortenPath(message: string, path: string | undefined): string {
  if (path === undefined || path.length <= MAX_SHOWN_PATH_CHARS) return message;
  return message.replaceAll(path, () => shortPath(path));
}

/** A message that names its path; the path is appended if it is missing. */
export function withPath(message: string, path: string | undefined): string {
  if (path === undefined || path === '') return message;
  const shown = shortPath(path);
  return message.includes(shown) ? message : `${message} (${shown})`;
}
