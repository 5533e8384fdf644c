import { constants } from 'node:os';

// No node:util here: Node 22 and later open process.stderr when it is imported, and the code that
// replaces the standard streams (cli/standard-streams.ts) needs this file before that.

/** Names of all errors of this system by their negative number, as Node reports it. */
const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [-number, name]));

/** The name of an error by its negative number, as Node reports it ("ENOENT"). */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? String(errno);
}

/** The errno name of what a system call threw ("ENOENT"), or undefined. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  const { code } = thrown;
  if (typeof code !== 'string') return undefined;
  // For EDQUOT Node reports "Unknown system error -122".
  if (!code.startsWith('Unknown system error')) return code;
  return NAMES.get((thrown as NodeJS.ErrnoException).errno ?? NaN) ?? code;
}
