import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { OutputConfiguration } from 'commander';
import { errnoOf } from '../disk/errno.ts';
import { destinationError } from '../disk/system-error.ts';
import { STDERR_RETRY_MS } from '../limits.ts';
import { isClosed } from '../transport/stdio.ts';
import { usageError } from './usage-error.ts';

const STDOUT = 1;
const STDERR = 2;

/**
 * Writes help, version and usage errors directly to the descriptors: a stream would make a shared pipe
 * non-blocking, and lose everything after the first 64 KiB when the process exits.
 */
export const COMMAND_OUTPUT: OutputConfiguration = {
  writeOut: (text) => {
    if (isClosed(STDOUT)) throw usageError('stdout is closed');
    writeAll(STDOUT, text);
  },
  writeErr: (text) => {
    try {
      writeAll(STDERR, text);
    } catch {
      // There is nowhere to report this.
    }
  },
  getOutHelpWidth: () => (isatty(STDOUT) ? process.stdout.columns : NO_TERMINAL_COLUMNS),
  getErrHelpWidth: () => (isatty(STDERR) ? process.stderr.columns : NO_TERMINAL_COLUMNS),
  getOutHasColors: () => false,
  getErrHasColors: () => false,
};

const NO_TERMINAL_COLUMNS = 80;

function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      // Another process made it non-blocking.
      if (errnoOf(error) !== 'EAGAIN') return failUnlessUnread(error);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STDERR_RETRY_MS);
    }
  }
}

/** `ctxsync --help | head -1` is not a failure. @throws CtxsyncError */
function failUnlessUnread(error: unknown): void {
  if (errnoOf(error) !== 'EPIPE') throw destinationError(error, 'write to', 'stdout');
}
