import { CtxsyncError } from '../errors.ts';
import { inheritedFd } from '../ignore/inherited-fd.ts';
import type { Context, EntriesContext } from './context.ts';
import type { GivenEntry } from './given-entry.ts';
import type { SendOptions } from './send-options.ts';

/** @throws CtxsyncError usage, if what is to be sent again can be read or connected to only once */
export function checkRetries({ retries = 0, to, contexts }: SendOptions): void {
  if (!Number.isSafeInteger(retries) || retries < 0) {
    throw usage(`retries is ${retries}; it is a number of tries after the first`);
  }
  if (retries === 0) return;
  if (typeof to !== 'function') throw usage('retries need `to` to be a function that connects');
  for (const context of contexts) {
    const what = readableOnce(context);
    if (what !== undefined) throw usage(`${what} can be read only once, and cannot be sent again`);
  }
}

/** What of a context is gone once it was read. */
function readableOnce(context: Context): string | undefined {
  if ('tar' in context) return 'a tar';
  if ('entries' in context) return isInMemory(context) ? undefined : 'generated entries';
  const { ignoreFile } = context.ignore ?? {};
  const isPipe = ignoreFile !== undefined && inheritedFd(ignoreFile) !== undefined;
  return isPipe ? `the ignore file ${ignoreFile}` : undefined;
}

function isInMemory({ entries }: EntriesContext): boolean {
  return (
    Array.isArray(entries) &&
    entries.every(
      (entry: GivenEntry) =>
        !('content' in entry) ||
        typeof entry.content === 'string' ||
        entry.content instanceof Uint8Array,
    )
  );
}

function usage(message: string): CtxsyncError {
  return new CtxsyncError('usage', message);
}
