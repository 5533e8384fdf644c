import { Argument, Command } from 'commander';
import { bashScript } from './completion/bash.ts';
import {
  completedCommands,
  optionsOf,
  type CompletedCommand,
  type CompletedOption,
} from './completion/completed-command.ts';
import { fishScript } from './completion/fish.ts';
import { zshScript } from './completion/zsh.ts';

const SCRIPTS: Record<string, (commands: CompletedCommand[], own: CompletedOption[]) => string> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** `completion bash`: a script for the shell, complete in itself, so that no Tab has to start Node. */
export function completionCommand(finish: (exitCode: number) => void): Command {
  return new Command('completion')
    .description('Print a script that completes ctxsync commands in a shell.')
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', AFTER)
    .action((shell: string, _options: unknown, self: Command) => {
      const program = self.parent!;
      const text = SCRIPTS[shell]!(completedCommands(program), optionsOf(program));
      program.configureOutput().writeOut?.(text);
      finish(0);
    });
}

const AFTER = `
In a startup file of the shell:
  eval "$(ctxsync completion bash)"     # ~/.bashrc
  eval "$(ctxsync completion zsh)"      # ~/.zshrc, after compinit
  ctxsync completion fish | source      # ~/.config/fish/config.fish`;
