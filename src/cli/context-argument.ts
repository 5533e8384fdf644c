import { checkContextNames } from '../send/check-contexts.ts';
import { usageError } from './usage-error.ts';

export interface ContextArgument {
  /** '' for the unnamed context. */
  name: string;
  /** A directory, or '-'. */
  directory: string;
}

/**
 * The contexts of a command line. The text before the first '=' is a name unless it contains a '/':
 * a directory with a '=' in its name is written "./a=b".
 *
 * @throws CtxsyncError usage
 */
export function parseContexts(args: readonly string[]): ContextArgument[] {
  const contexts = args.map(parseContext);
  if (contexts.filter(({ name }) => name === '').length > 1) {
    throw usageError('several contexts without a name; give all but one a name: name=directory');
  }
  checkContextNames(contexts.map(({ name }) => name));
  return contexts;
}

function parseContext(arg: string): ContextArgument {
  if (arg === '') throw usageError('a context is empty; name a directory');
  const equals = arg.indexOf('=');
  const name = arg.slice(0, Math.max(equals, 0));
  if (equals < 0 || name.includes('/')) return { name: '', directory: arg };
  const directory = arg.slice(equals + 1);
  if (name === '' || directory === '')
    throw usageError(`"${arg}" is not of the form name=directory`);
  if (directory === '-') throw usageError('a tar on stdin cannot have a name; use "-"');
  return { name, directory };
}
