import { CtxsyncError, type ErrorDetails } from '../errors.ts';
import { parseGivenRule, parseIgnoreFile } from './ignore-file.ts';
import { IgnoreRules, type IgnoreRule } from './ignore-rules.ts';

/** A rule that is not from an ignore file. */
export interface GivenRule {
  /** As a line of an ignore file: `*.log`, or `!keep.log` for an exception. */
  rule: string;
  /** Where it comes from, for messages: for example, the name of an option. */
  source: string;
}

/** Where a context's ignore rules come from. Paths are text, relative to the working directory. */
export interface IgnoreOptions {
  /** A Dockerfile: its own `<Dockerfile>.dockerignore` wins over the context's. */
  dockerfile?: string | undefined;
  /** Read this file instead of any other; "-" is stdin. */
  ignoreFile?: string | undefined;
  /** Read no ignore file. */
  noIgnore?: boolean | undefined;
  /** Rules after the file's, in this order: `['*.log', '!keep.log']`. */
  rules?: readonly (string | GivenRule)[] | undefined;
}

/** An ignore file as it was read: a pipe can be read only once, and each walk needs its rules. */
export interface IgnoreFile {
  /** Its path, for messages. */
  source: string;
  bytes: Uint8Array;
}

/**
 * The rules of one context: those of a single ignore file, then the given ones.
 * @throws CtxsyncError bad-ignore-rule with file and line
 */
export function loadRules(
  file: IgnoreFile | undefined,
  given: readonly (string | GivenRule)[],
): IgnoreRules {
  const rules: IgnoreRule[] = file === undefined ? [] : parseIgnoreFile(file.bytes, file.source);
  for (const each of given) {
    const { rule: text, source } =
      typeof each === 'string' ? { rule: each, source: 'ignore.rules' } : each;
    const rule = parseGivenRule(text, source);
    if (rule !== undefined) rules.push(rule);
  }
  return new IgnoreRules(rules);
}

/** The error for an unusable ignore file. Its path on this disk is not sent to the peer. */
export function badIgnoreFile(
  source: string,
  what: string,
  details: Pick<ErrorDetails, 'cause' | 'remedy'> = {},
): CtxsyncError {
  const name = source.slice(source.lastIndexOf('/') + 1);
  return new CtxsyncError('bad-ignore-rule', `${source} ${what}`, {
    ...details,
    path: source,
    forPeer: `the ignore file ${name} cannot be used`,
  });
}
