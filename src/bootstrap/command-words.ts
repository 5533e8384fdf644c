import { CtxsyncError } from '../errors.ts';

/** `ctxsync`, followed by its own command: alone, or in a command for a shell. */
const IN_TEXT = /(?<![\w./-])ctxsync(?=\s+receive(?![\w-]))/g;

/**
 * Puts other words in the place of `ctxsync` in a command that runs "ctxsync receive", also where that is
 * only a part of one word, as in `sh -c 'cd /src && ctxsync receive .'`.
 *
 * @param words without any character that a shell would change, so that it does not matter how many shells
 *   the command passes: none for docker exec, one for ssh, two for sudo over ssh
 * @throws CtxsyncError usage, unless it does that exactly once
 */
export function replaceProgram(command: readonly string[], words: readonly string[]): string[] {
  let count = 0;
  const replaced = command.flatMap((word, index) => {
    if (word === 'ctxsync' && command[index + 1] === 'receive') {
      count++;
      return words;
    }
    return word.replaceAll(IN_TEXT, () => {
      count++;
      return words.join(' ');
    });
  });
  if (count === 1) return replaced;
  const found = count === 0 ? 'is not in it' : `is in it ${count} times`;
  const message = `the command after "--" must run "ctxsync receive" once, which ${found}`;
  throw new CtxsyncError('usage', message);
}
