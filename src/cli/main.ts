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
  let exitCode: number = EXIT_CODES.internal;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const program = new Command('ctxsync')
    .description('Ship a build context through a pipe: whole or nothing, never hanging in silence.')
    .version(version())
    .addCommand(sendCommand(finish))
    .addCommand(receiveCommand(finish));
  for (const command of [program, ...program.commands]) {
    command.exitOverride().showHelpAfterError('(--help tells what is possible)');
  }
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has said it already: help and version are 0, everything else is usage.
    return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
  }
  return exitCode;
}
