import { readFileSync, statSync } from 'node:fs';
import { fromText, joinPath, toFsPath, toText, type BytePath } from '../disk/byte-path.ts';
import type { Gauge } from '../disk/gauge.ts';
import { describeSystemError, errnoOf } from '../disk/system-error.ts';
import { CtxsyncError } from '../errors.ts';
import { checkFileSize, parseIgnoreFile, parseIgnoreOption } from './ignore-file.ts';
import { IgnoreRules, type IgnoreRule } from './ignore-rules.ts';

/** --exclude or --include, as given. */
export interface PatternOption {
  option: '--exclude' | '--include';
  pattern: string;
}

/** Where a context's ignore rules come from. Paths as text, relative to the working directory. */
export interface IgnoreOptions {
  /** --file: its own `<Dockerfile>.dockerignore` wins over the context's. */
  dockerfile?: string | undefined;
  /** --ignore-file: read this one, whatever else there is. */
  ignoreFile?: string | undefined;
  /** --no-ignore: read none. */
  noIgnore?: boolean | undefined;
  /** Rules after the file's, in the order given. */
  patterns?: readonly PatternOption[] | undefined;
}

/**
 * The rules of one context: one ignore file's, never merged with another's, then the options'.
 * `<Dockerfile>.dockerignore` beside the Dockerfile wins over `.dockerignore` in the root, as in
 * BuildKit's frontend.
 *
 * @throws CtxsyncError bad-ignore-rule with file and line; usage for a --file that is not there
 */
export function readContextRules(
  root: BytePath,
  options: IgnoreOptions,
  gauge: Gauge,
): IgnoreRules {
  const rules: IgnoreRule[] = [];
  if (options.noIgnore !== true) {
    const file = findIgnoreFile(root, options, gauge);
    if (file !== undefined) rules.push(...parseIgnoreFile(file.bytes, toText(file.path)));
  }
  for (const { option, pattern } of options.patterns ?? []) {
    const rule = parseIgnoreOption(pattern, option);
    if (rule !== undefined) rules.push(rule);
  }
  return new IgnoreRules(rules);
}

interface IgnoreFile {
  path: BytePath;
  bytes: Uint8Array;
}

function findIgnoreFile(
  root: BytePath,
  { dockerfile, ignoreFile }: IgnoreOptions,
  gauge: Gauge,
): IgnoreFile | undefined {
  if (ignoreFile !== undefined) {
    const file = readIgnoreFile(fromText(ignoreFile), gauge);
    if (file !== undefined) return file;
    throw new CtxsyncError('bad-ignore-rule', `--ignore-file ${ignoreFile}: no such file`, {
      path: ignoreFile,
    });
  }
  const beside = dockerfile === undefined ? joinPath(root, 'Dockerfile') : checked(dockerfile);
  return (
    readIgnoreFile(`${beside}.dockerignore`, gauge) ??
    readIgnoreFile(joinPath(root, '.dockerignore'), gauge)
  );
}

function checked(dockerfile: string): BytePath {
  try {
    statSync(dockerfile);
  } catch (error) {
    const why = errnoOf(error) === 'ENOENT' ? 'no such file' : describeSystemError(error);
    throw new CtxsyncError('usage', `--file ${dockerfile}: ${why}`, {
      path: dockerfile,
      cause: error,
    });
  }
  return fromText(dockerfile);
}

function readIgnoreFile(path: BytePath, gauge: Gauge): IgnoreFile | undefined {
  gauge.enter('reading', path);
  try {
    const stats = statSync(toFsPath(path));
    if (!stats.isFile()) throw new CtxsyncError('bad-ignore-rule', `${toText(path)} is not a file`);
    checkFileSize(stats.size, toText(path));
    return { path, bytes: readFileSync(toFsPath(path)) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    if (error instanceof CtxsyncError) throw error;
    throw new CtxsyncError(
      'bad-ignore-rule',
      `cannot read the ignore file ${toText(path)}: ${describeSystemError(error)}`,
      { path: toText(path), cause: error },
    );
  }
}
