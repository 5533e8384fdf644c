import { Command } from 'commander';
import { DEFAULT_RECEIVE_CONNECT_MS } from '../limits.ts';
import { addCommonOptions } from './common-options.ts';
import { forgetDefaults } from './environment.ts';
import type { ReceiveCommandOptions } from './run-receive.ts';
import { parseCount, parseDuration, parseSize } from './units.ts';

export function receiveCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('receive')
    .description('Receive build contexts from a sender: on stdin, or over a socket.')
    .argument('<out>', 'the directory to receive into; or - to write a tar to stdout')
    .option('--delete', 'delete from OUT whatever is not in the contexts')
    .option('--allow-empty', 'with --delete, also accept a context without entries')
    .option(
      '--max-delete <count>',
      'with --delete, refuse to delete more entries than this',
      parseCount,
    )
    .option(
      '--wait [duration]',
      'if another receiver holds OUT, wait for it, up to 10m or this long',
      parseDuration,
    )
    .option('--serve', 'with --socket, keep receiving, from several senders at once, until SIGTERM')
    .option('--max-bytes <size>', 'refuse more bytes of file content than this', parseSize)
    .option(
      '--max-entries <count>',
      'refuse more entries than this (default: 4,000,000)',
      parseCount,
    )
    .action(
      async (out: string, options: ReceiveCommandOptions & { serve?: true }, self: Command) => {
        if (out === '-') forgetDefaults(self, 'delete');
        if (options.delete !== true) forgetDefaults(self, 'allowEmpty', 'maxDelete');
        if (options.serve === true) forgetDefaults(self, 'report');
        finish(await run(out, options, options.serve === true));
      },
    );
  return addCommonOptions(command, DEFAULT_RECEIVE_CONNECT_MS).addHelpText('after', AFTER);
}

/** Loaded on demand: the other command and --help do not need it. */
async function run(out: string, options: ReceiveCommandOptions, serves: boolean): Promise<number> {
  if (serves) return (await import('./run-serve.ts')).runServe(out, options);
  return (await import('./run-receive.ts')).runReceive(out, options);
}

const AFTER = `
Examples:
  ctxsync send ./web | ctxsync receive --delete ./out
  ctxsync send ./web | ctxsync receive - | docker build -
  ctxsync receive --socket /tmp/ctx.sock ./out

See also "ctxsync help exit-status" and "ctxsync help environment".`;
