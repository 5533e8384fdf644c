import type { Readable } from 'node:stream';
import type { IgnoreOptions } from '../ignore/load-rules.ts';
import { MAX_HELLO_CONTEXTS } from '../limits.ts';
import type { Incoming } from '../transport/transport.ts';
import type { WebReadable } from '../transport/web-stream.ts';

/** What is sent: a directory, or a tar that comes from elsewhere. */
export type Context = DirectoryContext | TarContext;

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
