import { isWorkName } from '../entry/entry.ts';
import { CtxsyncError } from '../errors.ts';
import { MAX_STREAM_ID } from '../limits.ts';
import { isContextName } from '../wire/json-fields.ts';
import { nameOf, type Context } from './context.ts';

/** @throws CtxsyncError usage, naming the context */
export function checkContexts(contexts: readonly Context[]): void {
  if (contexts.length === 0) throw usage('no context is given');
  for (const [index, context] of contexts.entries()) {
    if (!isContext(context))
      throw usage(`contexts[${index}] is neither a directory, a tar nor entries`);
  }
  checkContextNames(contexts.map(nameOf));
}

/** @param names '' for a context without one. @throws CtxsyncError usage */
export function checkContextNames(names: readonly string[]): void {
  if (names.length > MAX_STREAM_ID) throw usage(`more than ${MAX_STREAM_ID} contexts`);
  const seen = new Set<string>();
  for (const name of names) {
    if (!isContextName(name) || isWorkName(name)) {
      throw usage(`"${name}" cannot be the name of a directory in OUT`);
    }
    if (seen.has(name)) throw usage(named(name));
    seen.add(name);
  }
}

/** Whoever has no types may pass anything. */
function isContext(context: unknown): boolean {
  if (typeof context !== 'object' || context === null) return false;
  const { tar, directory, entries, name } = context as Record<string, unknown>;
  if (entries !== undefined) {
    if (tar !== undefined || directory !== undefined || !isOptionalText(name)) return false;
    return typeof entries === 'object' && entries !== null && isIterable(entries);
  }
  if (tar === undefined) return typeof directory === 'string' && isOptionalText(name);
  return (
    directory === undefined &&
    typeof tar === 'object' &&
    tar !== null &&
    ('read' in tar || 'getReader' in tar)
  );
}

function isIterable(it: object): boolean {
  return Symbol.asyncIterator in it || Symbol.iterator in it;
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function named(name: string): string {
  return name === ''
    ? 'several contexts without a name; give all but one a name'
    : `several contexts are named ${name}`;
}

function usage(message: string): CtxsyncError {
  return new CtxsyncError('usage', message);
}
