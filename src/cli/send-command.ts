import { Command } from 'commander';
import { DEFAULT_SEND_CONNECT_MS } from '../limits.ts';
import type { GivenRule } from '../ignore/load-rules.ts';
import { addCommonOptions } from './common-options.ts';
import type { SendCommandOptions } from './run-send.ts';
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
    .description('Send build contexts to a receiver, on stdout.')
    .argument(
      '<context...>',
      'a directory; name=directory, which lands in OUT/name; or - for a tar or tar.gz on stdin',
    )
    .option('-f, --file <dockerfile>', 'its own ignore file, <dockerfile>.dockerignore, wins')
    .option('--ignore-file <file>', 'read the ignore rules from this file')
    .option('--no-ignore', 'read no ignore file')
    .option(
      '--socket-owner <user>',
      'with --socket, the receiver may belong to this user (name, uid or any)',
      parseUser,
    )
    .option('--checksum', 'where both sides speak: compare contents, not only sizes and times')
    .option('--full', 'where both sides speak: send everything, whatever the receiver has')
    .option(
      '--exclude <pattern>',
      'ignore this too, after the file; may be repeated',
      collect('--exclude'),
    )
    .option(
      '--include <pattern>',
      'do not ignore this, after the file; may be repeated',
      collect('--include', '!'),
    )
    .action(async (args: string[], options: SendCommandOptions) => {
      // Loaded when it is asked for: the other command, and --help, need none of it.
      const { runSend } = await import('./run-send.ts');
      finish(await runSend(args, options, rules, peer));
    });
  return addCommonOptions(command, DEFAULT_SEND_CONNECT_MS);
}
