import { Command } from 'commander';
import { DEFAULT_RECEIVE_CONNECT_MS } from '../limits.ts';
import { addCommonOptions } from './common-options.ts';
import type { ReceiveCommandOptions } from './run-receive.ts';
import { parseCount, parseSize } from './units.ts';

export function receiveCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('receive')
    .description('Receive build contexts from a sender, on stdin.')
    .argument('<out>', 'the directory that they are laid over; or - for a tar on stdout')
    .option('--delete', 'take out of OUT what the contexts do not have')
    .option('--allow-empty', 'with --delete: also where a context has no entries')
    .option('--max-delete <count>', 'with --delete: refuse to take out more entries', parseCount)
    .option('--serve', 'with --socket: receive from many senders, also at once, until SIGTERM')
    .option('--max-bytes <size>', 'refuse more content than this', parseSize)
    .option('--max-entries <count>', 'refuse more entries than this', parseCount)
    .action(async (out: string, options: ReceiveCommandOptions & { serve?: true }) => {
      finish(await run(out, options, options.serve === true));
    });
  return addCommonOptions(command, DEFAULT_RECEIVE_CONNECT_MS);
}

/** Loaded when it is asked for: the other command, and --help, need none of it. */
async function run(out: string, options: ReceiveCommandOptions, serves: boolean): Promise<number> {
  if (serves) return (await import('./run-serve.ts')).runServe(out, options);
  return (await import('./run-receive.ts')).runReceive(out, options);
}
