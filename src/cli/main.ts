import { CommanderError } from 'commander';
import { CtxsyncError } from '../errors.ts';
import { COMMAND_OUTPUT } from './command-output.ts';
import { EXIT_CODES } from './exit-code.ts';
import { createProgram } from './program.ts';
import { joinWait } from './wait-option.ts';

/**
 * The command line.
 * @param argv in the form of process.argv
 * @returns the exit status
 */
export async function main(argv: readonly string[]): Promise<number> {
  const [own, rest] = splitAtDashes(joinWait(argv));
  let exitCode: number = EXIT_CODES.internal;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const program = createProgram(finish, rest);
  try {
    await program.parseAsync(own);
  } catch (error) {
    // Commander has printed it already: help and version are 0, everything else is usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
    if (!(error instanceof CtxsyncError)) throw error;
    // Help or version could not be written: stdout is closed, or its disk is full.
    COMMAND_OUTPUT.writeErr?.(`error: ${error.message}\n`);
    return EXIT_CODES[error.code];
  }
  return exitCode;
}

/**
 * In `send` everything after "--" is the user's command: no option in it is ours. In `receive` "--"
 * only ends the options, as usual (POSIX.1-2017, Utility Syntax Guideline 10).
 */
function splitAtDashes(argv: readonly string[]): [own: string[], rest: string[] | undefined] {
  const at = argv[2] === 'send' ? argv.indexOf('--') : -1;
  return at < 0 ? [[...argv], undefined] : [argv.slice(0, at), argv.slice(at + 1)];
}
