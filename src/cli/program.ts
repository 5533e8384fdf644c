import { Command, type OutputConfiguration } from 'commander';
import { COMMAND_OUTPUT } from './command-output.ts';
import { completionCommand } from './completion-command.ts';
import { applyEnvironment } from './environment.ts';
import { explainCommand } from './explain-command.ts';
import { helpCommand } from './help-command.ts';
import { receiveCommand } from './receive-command.ts';
import { sendCommand } from './send-command.ts';
import { withHint } from './usage-hint.ts';
import { version } from './version.ts';
import { checkPaths } from './working-directory.ts';

/**
 * All commands with their options: what the command line is parsed by, and help is made of.
 * @param finish receives the exit status
 * @param peer the command after "--" that runs the receiver
 */
export function createProgram(
  finish: (exitCode: number) => void,
  peer?: readonly string[],
): Command {
  const program = new Command('ctxsync')
    .description('Ship a build context through a pipe: whole or nothing, never hanging in silence.')
    .version(version())
    .addCommand(sendCommand(finish, peer))
    .addCommand(receiveCommand(finish))
    .addCommand(explainCommand(finish))
    .addCommand(completionCommand(finish))
    .addCommand(helpCommand(finish))
    .addHelpText('after', EXAMPLE)
    .hook('preAction', (_program, command) => {
      applyEnvironment(command, process.env);
      checkPaths(command);
    });
  const output: OutputConfiguration = {
    ...COMMAND_OUTPUT,
    outputError: (text, write) => write(withHint(text, program)),
  };
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput(output)
      .showHelpAfterError(
        `See "${command === program ? 'ctxsync' : `ctxsync ${command.name()}`} --help".`,
      );
  }
  return program;
}

const EXAMPLE = `
Examples:
  ctxsync send ./web | ctxsync receive ./out
  ctxsync send ./web -- ssh host ctxsync receive /srv/web

See also "ctxsync help exit-status" and "ctxsync help environment".`;
