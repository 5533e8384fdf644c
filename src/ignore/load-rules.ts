import { CtxsyncError } from '../errors.ts';
import { parseIgnoreFile, parseIgnoreOption } from './ignore-file.ts';
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
  /** --ignore-file: read this one, whatever else there is; "-" is stdin. */
  ignoreFile?: string | undefined;
  /** --no-ignore: read none. */
  noIgnore?: boolean | undefined;
  /** Rules after the file's, in the order given. */
  patterns?: readonly PatternOption[] | undefined;
}

/** An ignore file as it was read: a pipe can be read only once, and each walk needs its rules. */
export interface IgnoreFile {
  /** Its path, for people. */
  source: string;
  bytes: Uint8Array;
}

/**
 * The rules of one context: one ignore file's, never merged with another's, then the options'.
 * @throws CtxsyncError bad-ignore-rule with file and line
 */
export function loadRules(
  file: IgnoreFile | undefined,
  patterns: readonly PatternOption[],
): IgnoreRules {
  const rules: IgnoreRule[] = file === undefined ? [] : parseIgnoreFile(file.bytes, file.source);
  for (const { option, pattern } of patterns) {
    const rule = parseIgnoreOption(pattern, option);
    if (rule !== undefined) rules.push(rule);
  }
  return new IgnoreRules(rules);
}

/** An ignore file that cannot be used. The peer is not told where on this disk it lies. */
export function badIgnoreFile(source: string, what: string, cause?: unknown): CtxsyncError {
  const name = source.slice(source.lastIndexOf('/') + 1);
  return new CtxsyncError('bad-ignore-rule', `${source} ${what}`, {
    path: source,
    cause,
    forPeer: `the ignore file ${name} cannot be used`,
  });
}
