import type { Command } from 'commander';
import type { GivenRule, IgnoreOptions } from '../ignore/load-rules.ts';
import { inheritedFd } from '../ignore/inherited-fd.ts';
import type { DirectoryContext } from '../send/context.ts';
import { checkStdin } from '../transport/stdio.ts';
import type { ContextArgument } from './context-argument.ts';
import { variableOf } from './environment.ts';

/** The options that say what of a context is sent. */
export interface IgnoreCommandOptions {
  file?: string;
  ignoreFile?: string;
  /** commander's form of --no-ignore */
  ignore: boolean;
}

/** @returns a function that has the rules of the options, once they are parsed */
export function addIgnoreOptions(command: Command): () => GivenRule[] {
  const rules: GivenRule[] = [];
  // In the order of the command line, whichever option they are of.
  const collect =
    (source: string, sign = '') =>
    (pattern: string, earlier: string[] = []): string[] => {
      rules.push({ rule: sign + pattern, source });
      return [...earlier, pattern];
    };
  command
    .option('-f, --file <dockerfile>', 'use <dockerfile>.dockerignore, if it exists')
    .option('--ignore-file <file>', 'read only this ignore file; - is stdin')
    .option('--no-ignore', 'read no ignore file')
    .option(
      '--exclude <pattern>',
      'add an ignore rule after the file; repeatable',
      collect('--exclude'),
    )
    .option(
      '--include <pattern>',
      'add an exception (!pattern); repeatable',
      collect('--include', '!'),
    );
  return () => [...rules, ...rulesOfEnvironment(command)];
}

function rulesOfEnvironment(command: Command): GivenRule[] {
  return ['exclude', 'include'].flatMap((name) => {
    if (command.getOptionValueSource(name) !== 'env') return [];
    const sign = name === 'include' ? '!' : '';
    const option = command.options.find((each) => each.attributeName() === name)!;
    return (command.getOptionValue(name) as string[]).map((pattern) => ({
      rule: sign + pattern,
      source: variableOf(option),
    }));
  });
}

/**
 * The directory that an argument names, with the rules of the options.
 * @throws CtxsyncError usage: the rules are to come from stdin, which is closed
 */
export function directoryContext(
  { name, directory }: ContextArgument,
  { file, ignoreFile, ignore }: IgnoreCommandOptions,
  rules: readonly GivenRule[],
): DirectoryContext {
  if (ignoreFile !== undefined && inheritedFd(ignoreFile) === 0) checkStdin('the ignore rules');
  const from: IgnoreOptions = { ignoreFile, noIgnore: !ignore, rules };
  // A Dockerfile belongs to the main context; each named one has only the ignore file in its root.
  if (name === '') from.dockerfile = file;
  return { name, directory, ignore: from };
}
