import { isWorkName } from '../entry/entry.ts';
import { MAX_NAME_BYTES, MAX_STREAM_ID } from '../limits.ts';
import { usage } from './usage-error.ts';

export interface ContextArgument {
  /** '' for the unnamed context. */
  name: string;
  /** A folder, or '-'. */
  folder: string;
}

/**
 * The contexts of a command line. What stands before the first '=' is a name unless it has a '/':
 * a folder whose own name has a '=' is written "./a=b".
 *
 * @throws CtxsyncError usage
 */
export function parseContexts(args: readonly string[]): ContextArgument[] {
  if (args.length > MAX_STREAM_ID) throw usage(`more than ${MAX_STREAM_ID} contexts`);
  const contexts = args.map(parseContext);
  const seen = new Set<string>();
  for (const { name } of contexts) {
    if (seen.has(name)) {
      throw usage(
        name === ''
          ? 'several contexts without a name; give all but one a name: name=folder'
          : `several contexts are named ${name}`,
      );
    }
    seen.add(name);
  }
  return contexts;
}

function parseContext(arg: string): ContextArgument {
  if (arg === '') throw usage('a context is empty; name a folder');
  const equals = arg.indexOf('=');
  const name = arg.slice(0, Math.max(equals, 0));
  if (equals < 0 || name.includes('/')) return { name: '', folder: arg };
  const folder = arg.slice(equals + 1);
  if (name === '' || folder === '') throw usage(`"${arg}" is no name=folder`);
  if (folder === '-') throw usage('a tar on stdin cannot have a name; use "-"');
  const tooLong = Buffer.byteLength(name) > MAX_NAME_BYTES;
  if (name === '.' || name === '..' || tooLong || isWorkName(name)) {
    throw usage(`"${name}" cannot be the name of a folder in OUT`);
  }
  return { name, folder };
}
