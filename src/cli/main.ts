import { Command, CommanderError } from 'commander';
import { CtxsyncError } from '../errors.ts';
import { COMMAND_OUTPUT } from './command-output.ts';
import { explainCommand } from './explain-command.ts';
import { EXIT_CODES } from './exit-code.ts';
import { receiveCommand } from './receive-command.ts';
import { sendCommand } from './send-command.ts';
import { version } from './version.ts';
import { checkPaths } from './working-directory.ts';

/**
 * The command line.
 * @param argv in the form of process.argv
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
    .addCommand(receiveCommand(finish))
    .addCommand(explainCommand(finish))
    .addCommand(helpCommand(finish))
    .addHelpText('after', EXAMPLE)
    .hook('preAction', (_program, command) => checkPaths(command));
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput(COMMAND_OUTPUT)
      .showHelpAfterError(
        `See "${command === program ? 'ctxsync' : `ctxsync ${command.name()}`} --help".`,
      );
  }
  try {
    await program.parseAsync(own);
  } catch (error) {
    // Commander has printed it already: help and version are 0, everything else is usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
    if (!(error instanceof CtxsyncError)) throw error;
    // Help or version could not be written to stdout: its disk is full.
    COMMAND_OUTPUT.writeErr?.(`error: ${error.message}\n`);
    return EXIT_CODES[error.code];
  }
  return exitCode;
}

const EXAMPLE = `
Example:
  ctxsync send ./web | ctxsync receive ./out`;

/** `help`, `help send`: not commander's own, which fails where a failing exit code is preset. */
function helpCommand(finish: (exitCode: number) => void): Command {
  return new Command('help')
    .description('Show the help of a command.')
    .argument('[command]')
    .action((name: string | undefined, _options: unknown, self: Command) => {
      const program = self.parent ?? self;
      const command =
        name === undefined ? program : program.commands.find((c) => c.name() === name);
      if (command === undefined) self.error(`error: unknown command '${name}'`);
      command.outputHelp();
      finish(0);
    });
}

/**
 * In `send` everything after "--" is the user's command: no option in it is ours. In `receive` "--"
 * only ends the options, as usual (POSIX.1-2017, Utility Syntax Guideline 10).
 */
function splitAtDashes(argv: readonly string[]): [own: string[], rest: string[] | undefined] {
  const at = argv[2] === 'send' ? argv.indexOf('--') : -1;
  return at < 0 ? [[...argv], undefined] : [argv.slice(0, at), argv.slice(at + 1)];
}
