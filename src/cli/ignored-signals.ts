import { basename } from 'node:path';
import { constants } from 'node:os';

/** What bin/ctxsync.js found before Node started: a mask in hexadecimal digits, or the output of `trap`. */
const VARIABLE = 'CTXSYNC_IGNORED';

/**
 * Whether a signal was ignored when we were started, by nohup or by a shell that runs us in the
 * background (POSIX.1-2017, Shell, 2.11): then it must stay ignored, but Node resets it.
 *
 * If bin/ctxsync.js was not run through its own first line, only nohup is detected, by the name of the
 * last command, which a shell leaves in `_`.
 */
export function readIgnoredSignals(
  env: Record<string, string | undefined>,
): (signal: NodeJS.Signals) => boolean {
  const found = env[VARIABLE];
  // A ctxsync that runs in a command we start has its own ignored signals.
  delete env[VARIABLE];
  if (found === undefined) {
    const byNohup = basename(env['_'] ?? '') === 'nohup';
    return (signal) => byNohup && signal === 'SIGHUP';
  }
  if (/^[0-9a-f]+$/i.test(found)) {
    const mask = BigInt(`0x${found}`);
    return (signal) => ((mask >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
  }
  const traps = found.matchAll(/^trap -- '' (?:SIG)?(\w+)$/gm);
  const names = new Set(Array.from(traps, ([, name]) => name));
  return (signal) => names.has(signal.slice('SIG'.length));
}
