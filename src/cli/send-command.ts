import { Argument, Command, Option } from 'commander';
import { DEFAULT_SEND_CONNECT_MS } from '../limits.ts';
import type { GivenRule } from '../ignore/load-rules.ts';
import { addCommonOptions } from './common-options.ts';
import { COMPRESSIONS } from '../send/compression.ts';
import { forgetDefaults, variableOf } from './environment.ts';
import type { SendCommandOptions } from './run-send.ts';
import { parseCount, parseRate } from './units.ts';
import { parseUser } from './user-argument.ts';

const PEER = new Argument(
  '[-- command...]',
  'start this command, which runs the receiver, and use its stdin and stdout',
);

/** @param peer the command after "--" that runs the receiver */
export function sendCommand(
  finish: (exitCode: number) => void,
  peer: readonly string[] | undefined,
): Command {
  const rules: GivenRule[] = [];
  // In the order of the command line, whichever option they are of.
  const collect =
    (source: string, sign = '') =>
    (pattern: string, earlier: string[] = []): string[] => {
      rules.push({ rule: sign + pattern, source });
      return [...earlier, pattern];
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
    // Everything after "--" is cut off before commander sees it.
    .configureHelp({ visibleArguments: (self) => [...self.registeredArguments, PEER] })
    .option('-f, --file <dockerfile>', 'use <dockerfile>.dockerignore, if it exists')
    .option('--ignore-file <file>', 'read only this ignore file; - is stdin')
    .option('--no-ignore', 'read no ignore file')
    .option(
      '--socket-owner <user>',
      'with --socket, trust a receiver run by this user (a name, a uid, or any)',
      parseUser,
    )
    .option(
      '--bootstrap',
      'with a command: copy ctxsync there first, if it has Node but not this version',
    )
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
    .option(
      '--exclude <pattern>',
      'add an ignore rule after the file; repeatable',
      collect('--exclude'),
    )
    .option(
      '--include <pattern>',
      'add an exception (!pattern); repeatable',
      collect('--include', '!'),
    )
    .action(async (args: string[], options: SendCommandOptions, self: Command) => {
      if (peer !== undefined) forgetDefaults(self, 'socket');
      if (args.every((arg) => arg === '-')) {
        forgetDefaults(self, 'file', 'ignoreFile', 'exclude', 'include');
      }
      // Loaded on demand: the other command and --help do not need it.
      const { runSend } = await import('./run-send.ts');
      finish(await runSend(args, options, [...rules, ...rulesOfEnvironment(self)], peer));
    });
  return addCommonOptions(command, DEFAULT_SEND_CONNECT_MS).addHelpText('after', AFTER);
}

function rulesOfEnvironment(command: Command): GivenRule[] {
  return ['exclude', 'include'].flatMap((name) => {
    if (command.getOptionValueSource(name) !== 'env') return [];
    const sign = name === 'include' ? '!' : '';
    const option = command.options.find((each) => each.attributeName() === name)!;
    return (command.getOptionValue(name) as string[]).map((pattern) => ({
      rule: sign + pattern,
      source: variableOf(option),
    }));
  });
}

const AFTER = `
Examples:
  ctxsync send ./web | ctxsync receive ./out
  ctxsync send ./web -- ssh host ctxsync receive /srv/web
  git archive HEAD | ctxsync send - | ctxsync receive ./out

See also "ctxsync help exit-status" and "ctxsync help environment".`;
