import { Command, Option } from 'commander';
import { DEFAULT_SEND_CONNECT_MS } from '../limits.ts';
import type { GivenRule } from '../ignore/load-rules.ts';
import { addCommonOptions } from './common-options.ts';
import { COMPRESSIONS } from '../send/compression.ts';
import type { SendCommandOptions } from './run-send.ts';
import { parseCount, parseRate } from './units.ts';
import { parseUser } from './user-argument.ts';

/** @param peer the command after "--" that runs the receiver */
export function sendCommand(
  finish: (exitCode: number) => void,
  peer: readonly string[] | undefined,
): Command {
  const rules: GivenRule[] = [];
  const collect =
    (source: string, sign = '') =>
    (pattern: string): void => {
      rules.push({ rule: sign + pattern, source });
    };
  const command = new Command('send')
    .usage('[options] <context...> [-- command [args...]]')
    .description(
      'Send build contexts to a receiver: on stdout, over a socket, or through a command.',
    )
    .argument(
      '<context...>',
      'a directory; name=directory, to be received as OUT/name; or - for a tar or tar.gz on stdin',
    )
    .option(
      '-f, --file <dockerfile>',
      'use <dockerfile>.dockerignore, if it exists, instead of .dockerignore',
    )
    .option('--ignore-file <file>', 'read the ignore rules from this file only; - is stdin')
    .option('--no-ignore', 'read no ignore file')
    .option(
      '--socket-owner <user>',
      'with --socket, trust a receiver run by this user (a name, a uid, or any)',
      parseUser,
    )
    .option('--checksum', 'compare file contents instead of size and mtime (socket or command)')
    .option('--full', 'send everything, even what the receiver already has (socket or command)')
    .addOption(
      new Option(
        '--compress <how>',
        'auto: compress where the connection is slow; or always with zstd or gzip, or never',
      )
        .choices(COMPRESSIONS)
        .default('auto'),
    )
    .option(
      '--bwlimit <rate>',
      'send at most this many bytes per second, such as 500kB or 2MB',
      parseRate,
    )
    .option(
      '--retries <count>',
      'if the connection is lost, try again up to so many times (socket or command)',
      parseCount,
      0,
    )
    .option(
      '--exclude <pattern>',
      'add an ignore rule after those of the file; repeatable',
      collect('--exclude'),
    )
    .option(
      '--include <pattern>',
      'add an exception (!pattern) after those of the file; repeatable',
      collect('--include', '!'),
    )
    .action(async (args: string[], options: SendCommandOptions) => {
      // Loaded on demand: the other command and --help do not need it.
      const { runSend } = await import('./run-send.ts');
      finish(await runSend(args, options, rules, peer));
    });
  return addCommonOptions(command, DEFAULT_SEND_CONNECT_MS).addHelpText('after', AFTER);
}

const AFTER = `
Examples:
  ctxsync send ./web | ctxsync receive ./out
  ctxsync send ./web -- ssh host ctxsync receive /srv/web

The README lists the exit statuses.`;
