import { CtxsyncError } from '../errors.ts';

/** What is wrong with the command line, and what to write instead. */
export function usage(message: string): CtxsyncError {
  return new CtxsyncError('usage', message);
}
