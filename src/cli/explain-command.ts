import { Command } from 'commander';
import { DEFAULT_LARGEST } from '../limits.ts';
import type { GivenRule } from '../ignore/load-rules.ts';
import { addWatchOptions } from './common-options.ts';
import { forgetDefaults } from './environment.ts';
import { addIgnoreOptions } from './ignore-options.ts';
import type { ExplainCommandOptions } from './run-explain.ts';
import { parseCount } from './units.ts';
import { warnAboveOption } from './warn-above-option.ts';

export function explainCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('explain')
    .description('Show what of a context would be sent, what is ignored, and by which rule.')
    .argument('<context...>', 'a directory, or name=directory, as for send')
    .option(
      '--path <path>',
      'explain what becomes of this path, and by which rule; repeatable',
      (path: string, before: string[] | undefined) => [...(before ?? []), path],
    )
    .option('--list', 'print every path with what becomes of it and the rule that decides')
    .option('-0, --null', 'with --list, end lines with NUL and write paths byte for byte')
    .option('--json', 'print JSON')
    .option(
      '--top <count>',
      `how many of the largest directories and files to show (default: ${DEFAULT_LARGEST})`,
      parseCount,
    )
    .option('--skip-ignored', 'do not look into ignored directories to count what they hold')
    .option('--strict', 'exit with 5 if the context is large, or holds secrets, .git and the like')
    .addOption(warnAboveOption());
  const rulesOf = addIgnoreOptions(command);
  command.action(async (args: string[], options: ExplainCommandOptions, self: Command) => {
    if (options.list !== true) forgetDefaults(self, 'null');
    if (options.list === true || options.path !== undefined) forgetDefaults(self, 'strict');
    finish(await run(args, options, rulesOf()));
  });
  return addWatchOptions(command).addHelpText('after', AFTER);
}

/** Loaded on demand: the other commands and --help do not need it. */
async function run(
  args: string[],
  options: ExplainCommandOptions,
  rules: readonly GivenRule[],
): Promise<number> {
  return (await import('./run-explain.ts')).runExplain(args, options, rules);
}

const AFTER = `
Examples:
  ctxsync explain ./web
  ctxsync explain ./web --path node_modules/left-pad

See also "ctxsync help exit-status" and "ctxsync help environment".`;
