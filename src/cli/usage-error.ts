import { CtxsyncError } from '../errors.ts';

/** What is wrong with the command line, and what to write instead. */
export function usageError(message: string): CtxsyncError {
  return new CtxsyncError('usage', message);
}
