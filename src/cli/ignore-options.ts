import type { Command } from 'commander';
import type { GivenRule, IgnoreOptions } from '../ignore/load-rules.ts';
import { inheritedFd } from '../ignore/inherited-fd.ts';
import type { DirectoryContext } from '../send/context.ts';
import { checkStdin } from '../transport/stdio.ts';
import type { ContextArgument } from './context-argument.ts';

/** The options that say what of a context is sent. */
export interface IgnoreCommandOptions {
  file?: string;
  ignoreFile?: string;
  /** commander's form of --no-ignore */
  ignore: boolean;
}

/** @returns the rules of --exclude and --include, in the order in which they are given, once parsed */
export function addIgnoreOptions(command: Command): readonly GivenRule[] {
  const rules: GivenRule[] = [];
  const collect =
    (source: string, sign = '') =>
    (pattern: string): void => {
      rules.push({ rule: sign + pattern, source });
    };
  command
    .option(
      '-f, --file <dockerfile>',
      'use <dockerfile>.dockerignore, if it exists, instead of .dockerignore',
    )
    .option('--ignore-file <file>', 'read the ignore rules from this file only; - is stdin')
    .option('--no-ignore', 'read no ignore file')
    .option(
      '--exclude <pattern>',
      'add an ignore rule after those of the file; repeatable',
      collect('--exclude'),
    )
    .option(
      '--include <pattern>',
      'add an exception (!pattern) after those of the file; repeatable',
      collect('--include', '!'),
    );
  return rules;
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
