import { Readable } from 'node:stream';
import { isatty } from 'node:tty';
import { openStderr } from '../transport/standard-error.ts';

const STDOUT = 1;

/**
 * Replaces process.stdin, process.stdout and process.stderr with streams that touch no descriptor.
 * Importing 'node:process' (commander, chalk, ora) or starting a worker makes Node open all three,
 * which changes them for every process that shares them: see transport/shared-descriptor.ts. So this
 * must run before anything else is loaded.
 *
 * stdout is reserved for data: what a package writes to it goes to stderr.
 */
export function replaceStandardStreams(): void {
  replace('stdin', () => Readable.from([]));
  if (!isatty(STDOUT)) replace('stdout', () => process.stderr);
  const nodes = Object.getOwnPropertyDescriptor(process, 'stderr');
  replace('stderr', () => openStderr() ?? (nodes?.get?.call(process) as unknown));
}

function replace(name: 'stdin' | 'stdout' | 'stderr', open: () => unknown): void {
  let stream: unknown;
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get: () => (stream ??= open()),
  });
}
