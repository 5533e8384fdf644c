import { isWorkName } from '../entry/entry.ts';
import { MAX_NAME_BYTES, MAX_STREAM_ID } from '../limits.ts';
import { usageError } from './usage-error.ts';

export interface ContextArgument {
  /** '' for the unnamed context. */
  name: string;
  /** A directory, or '-'. */
  directory: string;
}

/**
 * The contexts of a command line. What stands before the first '=' is a name unless it has a '/':
 * a directory whose own name has a '=' is written "./a=b".
 *
 * @throws CtxsyncError usage
 */
export function parseContexts(args: readonly string[]): ContextArgument[] {
  if (args.length > MAX_STREAM_ID) throw usageError(`more than ${MAX_STREAM_ID} contexts`);
  const contexts = args.map(parseContext);
  const seen = new Set<string>();
  for (const { name } of contexts) {
    if (seen.has(name)) {
      throw usageError(
        name === ''
          ? 'several contexts without a name; give all but one a name: name=directory'
          : `several contexts are named ${name}`,
      );
    }
    seen.add(name);
  }
  return contexts;
}

function parseContext(arg: string): ContextArgument {
  if (arg === '') throw usageError('a context is empty; name a directory');
  const equals = arg.indexOf('=');
  const name = arg.slice(0, Math.max(equals, 0));
  if (equals < 0 || name.includes('/')) return { name: '', directory: arg };
  const directory = arg.slice(equals + 1);
  if (name === '' || directory === '') throw usageError(`"${arg}" is no name=directory`);
  if (directory === '-') throw usageError('a tar on stdin cannot have a name; use "-"');
  const tooLong = Buffer.byteLength(name) > MAX_NAME_BYTES;
  if (name === '.' || name === '..' || tooLong || isWorkName(name)) {
    throw usageError(`"${name}" cannot be the name of a directory in OUT`);
  }
  return { name, directory };
}
