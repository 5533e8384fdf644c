import { Argument, Command } from 'commander';
import { variableOf } from './environment.ts';
import { EXIT_MEANINGS } from './exit-code.ts';

/** What `help` explains besides the commands. */
const TOPICS: Record<string, (program: Command) => string> = {
  environment: environmentText,
  'exit-status': exitStatusText,
};

/** `help`, `help send`: not commander's own, which fails where a failing exit code is preset. */
export function helpCommand(finish: (exitCode: number) => void): Command {
  const about = new Argument('[command]');
  // Not choices(), which would call it an invalid argument, and not an unknown command.
  about.argChoices = ['send', 'receive', 'explain', 'completion', ...Object.keys(TOPICS)];
  return new Command('help')
    .description(`Show the help of a command, or explain ${Object.keys(TOPICS).join(' or ')}.`)
    .addArgument(about)
    .action((name: string | undefined, _options: unknown, self: Command) => {
      const program = self.parent ?? self;
      const topic = name === undefined ? undefined : TOPICS[name];
      const command =
        name === undefined ? program : program.commands.find((each) => each.name() === name);
      if (topic !== undefined) program.configureOutput().writeOut?.(topic(program));
      else if (command !== undefined) command.outputHelp();
      else self.error(`error: unknown command '${name}'`);
      finish(0);
    });
}

function exitStatusText(program: Command): string {
  return `The exit status of "ctxsync send", "ctxsync receive" and "ctxsync explain":\n\n${table(program, EXIT_MEANINGS)}`;
}

const ABOUT_VARIABLES =
  'Each option has a variable with its default. An option on the command line wins; an empty variable ' +
  'counts as unset. A flag is 1 or 0, or true or false; of --exclude and --include a variable has one ' +
  'pattern a line. A variable is ignored where its option could not apply. A command after "--" does ' +
  'not get them.';

const FOREIGN_VARIABLES = [
  ['NO_COLOR, FORCE_COLOR', 'no colours; colours even in a log'],
  ['CI', 'lines for a log, also on a terminal'],
  ['GITHUB_ACTIONS, GITHUB_STEP_SUMMARY', 'annotations, and a summary of the job'],
] as const;

function environmentText(program: Command): string {
  const rows = new Map<string, string>();
  for (const command of program.commands) {
    for (const option of command.options) rows.set(variableOf(option), option.long!);
  }
  const intro = program.createHelp().boxWrap(ABOUT_VARIABLES, helpWidth(program));
  return `${intro}\n\n${table(program, [...rows])}\n${table(program, FOREIGN_VARIABLES)}`;
}

/** Rows in the manner of commander's lists of options. */
function table(program: Command, rows: readonly (readonly [string, string])[]): string {
  const help = program.createHelp();
  help.prepareContext({ helpWidth: helpWidth(program) });
  const width = Math.max(...rows.map(([term]) => term.length));
  return rows.map(([term, text]) => `${help.formatItem(term, width, text, help)}\n`).join('');
}

function helpWidth(program: Command): number {
  return program.configureOutput().getOutHelpWidth?.() ?? 80;
}
