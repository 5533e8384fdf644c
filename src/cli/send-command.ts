import { Argument, Command, Option } from 'commander';
import { DEFAULT_SEND_CONNECT_MS } from '../limits.ts';
import type { GivenRule } from '../ignore/load-rules.ts';
import { addCommonOptions } from './common-options.ts';
import { COMPRESSIONS } from '../send/compression.ts';
import { forgetDefaults } from './environment.ts';
import { addIgnoreOptions } from './ignore-options.ts';
import type { SendCommandOptions } from './run-send.ts';
import { parseCount, parseRate } from './units.ts';
import { parseUser } from './user-argument.ts';
import { warnAboveOption } from './warn-above-option.ts';

const PEER = new Argument(
  '[-- command...]',
  'start this command, which runs the receiver, and use its stdin and stdout',
);

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
    // Everything after "--" is cut off before commander sees it.
    .configureHelp({ visibleArguments: (self) => [...self.registeredArguments, PEER] })
    .option('-n, --dry-run', 'send nothing: show what would be sent, and ignored by which rule')
    .option(
      '--socket-owner <user>',
      'with --socket, trust a receiver run by this user (a name, a uid, or any)',
      parseUser,
    )
    .option('--bootstrap', 'with a command: copy ctxsync there first, if it has only Node')
    .option('--checksum', 'compare file contents instead of size and mtime')
    .option('--full', 'send everything, even what the receiver has')
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
    .option('--strict', 'refuse (5) a context that is large, or holds secrets, .git and the like')
    .addOption(warnAboveOption());
  const rulesOf = addIgnoreOptions(command);
  command.action(async (args: string[], options: SendCommandOptions, self: Command) => {
    forgetDefaults(self, peer === undefined ? 'bootstrap' : 'socket');
    if (options.dryRun === true) forgetDefaults(self, 'socket', 'report', 'trace');
    if (args.every((arg) => arg === '-')) {
      forgetDefaults(self, 'file', 'ignoreFile', 'exclude', 'include');
    }
    finish(await run(args, options, rulesOf(), peer));
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
  git archive HEAD | ctxsync send - | ctxsync receive ./out

See also "ctxsync help exit-status" and "ctxsync help environment".`;
