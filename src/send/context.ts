import type { Readable } from 'node:stream';
import type { IgnoreOptions } from '../ignore/load-rules.ts';
import type { GivenEntry } from './given-entry.ts';
import { MAX_HELLO_CONTEXTS } from '../limits.ts';
import type { Incoming } from '../transport/transport.ts';
import type { WebReadable } from '../transport/web-stream.ts';

/** What is sent: a directory, a tar that comes from elsewhere, or entries that a program generates. */
export type Context = DirectoryContext | TarContext | EntriesContext;

/**
 * Entries that a program has in memory or generates. They are sent in the order given, and as a whole: nothing
 * is compared. Directories that are not given are made (mode 0755). Of two entries with the same path
 * and kind the later one wins; with different kinds they are refused.
 */
export interface EntriesContext {
  entries: Iterable<GivenEntry> | AsyncIterable<GivenEntry>;
  /** The directory in OUT that it is received as; '' or absent: OUT itself. */
  name?: string | undefined;
}

/** A tar, plain or gzip, or several in a row. It is received into OUT itself. */
export interface TarContext {
  tar: Incoming | Readable | WebReadable;
}

export interface DirectoryContext {
  directory: string;
  /** Where the ignore rules come from; default: the context's own ignore file. */
  ignore?: IgnoreOptions | undefined;
  /** The directory in OUT that it is received as; '' or absent: OUT itself. */
  name?: string | undefined;
}

/** The name under which a context is sent. */
export function nameOf(context: Context): string {
  return 'tar' in context ? '' : (context.name ?? '');
}

/** The names of the contexts for HELLO; undefined if there are too many. */
export function namesForHello(contexts: readonly Context[]): string[] | undefined {
  return contexts.length > MAX_HELLO_CONTEXTS ? undefined : contexts.map(nameOf);
}
