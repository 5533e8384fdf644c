import { execFileSync } from 'node:child_process';
import { InvalidArgumentError } from 'commander';

/**
 * A user by uid or by name, or 'any'.
 * @returns the uid
 * @throws InvalidArgumentError
 */
export function parseUser(text: string): number | 'any' {
  if (text === 'any') return text;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  try {
    // Node cannot look up a user by name; a name that begins with a dash would be an option.
    if (!text.startsWith('-')) return Number(execFileSync('id', ['-u', text], { stdio: 'pipe' }));
  } catch {
    // There is no such user.
  }
  throw new InvalidArgumentError('It is a user of this machine, a uid, or "any".');
}
