import { DEFAULT_LOCK_WAIT_MS } from '../limits.ts';
import { isDuration } from './units.ts';

/**
 * Joins `--wait` of `receive` with its duration: commander would take whatever follows for one, even OUT.
 * @param argv in the form of process.argv
 */
export function joinWait(argv: readonly string[]): string[] {
  if (argv[2] !== 'receive') return [...argv];
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  return argv.flatMap((arg, at) => {
    if (at >= end) return [arg];
    if (arg === '--wait') {
      const next = argv[at + 1] ?? '';
      return [`--wait=${isDuration(next) ? next : `${DEFAULT_LOCK_WAIT_MS}ms`}`];
    }
    return argv[at - 1] === '--wait' && isDuration(arg) ? [] : [arg];
  });
}
