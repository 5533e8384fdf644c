import type { Command, Option } from 'commander';

/** What can follow: a path, one of these words, or text that no shell can guess. */
export type Completed = 'file' | 'directory' | 'text' | readonly string[];

export interface CompletedOption {
  /** `-f`, `--file` */
  flags: string[];
  description: string;
  /** Undefined for a flag. */
  value: { name: string; completed: Completed } | undefined;
  /** May be given several times. */
  repeatable: boolean;
}

export interface CompletedCommand {
  name: string;
  description: string;
  options: CompletedOption[];
  /** Its arguments. */
  words: Completed;
}

/** What a shell completes, from the definitions of the commands themselves. */
export function completedCommands(program: Command): CompletedCommand[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: optionsOf(command),
    words: command.registeredArguments[0]?.argChoices ?? 'directory',
  }));
}

/** Those of `ctxsync` itself, or of one of its commands. */
export function optionsOf(command: Command): CompletedOption[] {
  return command.createHelp().visibleOptions(command).map(completedOption);
}

/** Values that are paths, by the name that the definition gives them. */
const PATHS = new Set(['file', 'path', 'dockerfile']);

function completedOption(option: Option): CompletedOption {
  const { short, long, description, argChoices, required, flags } = option;
  const name = /<(.*)>/.exec(flags)?.[1] ?? '';
  const completed = argChoices ?? (PATHS.has(name) ? 'file' : 'text');
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    value: required ? { name, completed } : undefined,
    repeatable: /repeatable/.test(description),
  };
}
