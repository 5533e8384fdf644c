import { Command } from 'commander';
import { send, type Context } from '../session/send.ts';
import { openStdin, openStdout } from '../transport/stdio.ts';
import type { IgnoreOptions, PatternOption } from '../tree/context-rules.ts';
import { addCommonOptions, type CommonOptions } from './common-options.ts';
import { parseContexts, type ContextArgument } from './context-argument.ts';
import { runTransfer } from './run-transfer.ts';

interface SendCommandOptions extends CommonOptions {
  file?: string;
  ignoreFile?: string;
  /** commander's form of --no-ignore */
  ignore: boolean;
}

export function sendCommand(finish: (exitCode: number) => void): Command {
  const patterns: PatternOption[] = [];
  const collect =
    (option: PatternOption['option']) =>
    (pattern: string): void => {
      patterns.push({ option, pattern });
    };
  const command = new Command('send')
    .description('Send build contexts to a receiver, on stdout.')
    .argument(
      '<context...>',
      'a folder; name=folder, which lands in OUT/name; or - for a tar or tar.gz on stdin',
    )
    .option('-f, --file <dockerfile>', 'its own ignore file, <dockerfile>.dockerignore, wins')
    .option('--ignore-file <file>', 'read the ignore rules from this file')
    .option('--no-ignore', 'read no ignore file')
    .option(
      '--exclude <pattern>',
      'ignore this too, after the file; may be repeated',
      collect('--exclude'),
    )
    .option(
      '--include <pattern>',
      'do not ignore this, after the file; may be repeated',
      collect('--include'),
    )
    .action(async (args: string[], options: SendCommandOptions) => {
      finish(await runSend(args, options, patterns));
    });
  return addCommonOptions(command);
}

function runSend(
  args: readonly string[],
  options: SendCommandOptions,
  patterns: readonly PatternOption[],
): Promise<number> {
  return runTransfer(options, { side: 'sender' }, (common, view) => {
    const contexts = parseContexts(args).map((argument) => toContext(argument, options, patterns));
    return send({
      ...common,
      contexts,
      to: openStdout('"ctxsync receive"'),
      speaks: view.speaks,
      countTotals: options.progress !== 'none' && options.quiet !== true,
    });
  });
}

function toContext(
  { name, folder }: ContextArgument,
  { file, ignoreFile, ignore }: SendCommandOptions,
  patterns: readonly PatternOption[],
): Context {
  if (folder === '-') return { tar: openStdin('a tar') };
  const rules: IgnoreOptions = { ignoreFile, noIgnore: !ignore, patterns };
  // A Dockerfile belongs to the main context; each named one has only its own root's file.
  if (name === '') rules.dockerfile = file;
  return { name, folder, ignore: rules };
}
