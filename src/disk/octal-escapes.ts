import type { BytePath } from './byte-path.ts';

/** proc(5)'s mountinfo and getfattr(1) write some bytes as a backslash and three octal digits. */
export function unescapeOctal(text: string): BytePath {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
