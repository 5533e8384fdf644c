import { Command, CommanderError } from 'commander';
import { EXIT_CODES } from './exit-code.ts';
import { receiveCommand } from './receive-command.ts';
import { sendCommand } from './send-command.ts';
import { version } from './version.ts';

/**
 * The command line.
 * @param argv as process.argv has it
 * @returns the exit status
 */
export async function main(argv: readonly string[]): Promise<number> {
  const [own, rest] = splitAtDashes(argv);
  let exitCode: number = EXIT_CODES.internal;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const program = new Command('ctxsync')
    .description('Ship a build context through a pipe: whole or nothing, never hanging in silence.')
    .version(version())
    .addCommand(sendCommand(finish, rest))
    .addCommand(receiveCommand(finish));
  for (const command of [program, ...program.commands]) {
    command.exitOverride().showHelpAfterError('(--help tells what is possible)');
  }
  try {
    await program.parseAsync(own);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has said it already: help and version are 0, everything else is usage.
    return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
  }
  return exitCode;
}

/**
 * What stands after "--" in `send` is a command of the user's: no option in it is ours. In `receive`
 * it only ends the options, as everywhere (POSIX.1-2017, Utility Syntax Guideline 10).
 */
function splitAtDashes(argv: readonly string[]): [own: string[], rest: string[] | undefined] {
  const at = argv[2] === 'send' ? argv.indexOf('--') : -1;
  return at < 0 ? [[...argv], undefined] : [argv.slice(0, at), argv.slice(at + 1)];
}
