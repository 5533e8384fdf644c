import { Command, Option } from 'commander';
import { DEFAULT_SEND_CONNECT_MS } from '../limits.ts';
import type { GivenRule } from '../ignore/load-rules.ts';
import { addCommonOptions } from './common-options.ts';
import { COMPRESSIONS } from '../send/compression.ts';
import { addIgnoreOptions } from './ignore-options.ts';
import type { SendCommandOptions } from './run-send.ts';
import { parseRate } from './units.ts';
import { parseUser } from './user-argument.ts';
import { warnAboveOption } from './warn-above-option.ts';

/** @param peer the command after "--" that runs the receiver */
export function sendCommand(
  finish: (exitCode: number) => void,
  peer: readonly string[] | undefined,
): Command {
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
      '-n, --dry-run',
      'send nothing: print what would be sent, and what is ignored by which rule',
    )
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
    .option('--strict', 'refuse (5) what would only be warned of: a large context, secrets, .git')
    .addOption(warnAboveOption());
  const rules = addIgnoreOptions(command);
  command.action(async (args: string[], options: SendCommandOptions) => {
    finish(await run(args, options, rules, peer));
  });
  return addCommonOptions(command, DEFAULT_SEND_CONNECT_MS).addHelpText('after', AFTER);
}

/** Loaded on demand: the other commands and --help do not need it. */
async function run(
  args: string[],
  options: SendCommandOptions,
  rules: readonly GivenRule[],
  peer: readonly string[] | undefined,
): Promise<number> {
  if (options.dryRun === true) {
    return (await import('./run-explain.ts')).runDryRun(args, options, rules, peer);
  }
  return (await import('./run-send.ts')).runSend(args, options, rules, peer);
}

const AFTER = `
Examples:
  ctxsync send ./web | ctxsync receive ./out
  ctxsync send ./web -- ssh host ctxsync receive /srv/web

The README lists the exit statuses.`;
