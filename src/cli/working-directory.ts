import { isAbsolute } from 'node:path';
import type { Command } from 'commander';
import { parseContexts } from './context-argument.ts';
import { usageError } from './usage-error.ts';

const PATH_OPTIONS = ['file', 'ignoreFile', 'socket', 'report'];

/**
 * If the shell's directory was removed, bin/ctxsync.js runs in "/", where a relative path would mean
 * something else.
 * @throws CtxsyncError usage
 */
export function checkPaths(command: Command): void {
  if (process.env['CTXSYNC_DIRECTORY_GONE'] === undefined) return;
  const values = command.optsWithGlobals<Record<string, unknown>>();
  const named = PATH_OPTIONS.map((name) => values[name]).filter((path) => typeof path === 'string');
  for (const path of [...directoriesOf(command), ...named]) {
    if (path !== '-' && !isAbsolute(path)) {
      throw usageError(
        `the working directory was removed: "${path}" leads nowhere; use an absolute path`,
      );
    }
  }
}

function directoriesOf(command: Command): string[] {
  if (command.name() === 'receive') return command.args;
  return command.name() === 'send' || command.name() === 'explain'
    ? parseContexts(command.args).map(({ directory }) => directory)
    : [];
}
