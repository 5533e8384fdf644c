import { MAX_SHOWN_PATH_CHARS } from './limits.ts';

/** A path as a message shows it: of a very long one the end, which says most. */
export function shortPath(path: string): string {
  if (path.length <= MAX_SHOWN_PATH_CHARS) return path;
  // Not from the middle of a surrogate pair.
  return `…${path.slice(1 - MAX_SHOWN_PATH_CHARS).replace(/^[\udc00-\udfff]/, '')}`;
}

/**
 * A message in which a very long path is cut, so that it stays a line that can be read and its cause is
 * not what gets lost.
 *
 * @param path the one that the message is about
 */
export function shortenPath(message: string, path: string | undefined): string {
  if (path === undefined || path.length <= MAX_SHOWN_PATH_CHARS) return message;
  return message.replaceAll(path, () => shortPath(path));
}

/** A message that names its path; or with the path behind it. */
export function withPath(message: string, path: string | undefined): string {
  if (path === undefined || path === '') return message;
  const shown = shortPath(path);
  return message.includes(shown) ? message : `${message} (${shown})`;
}
