import { Option, type Command } from 'commander';
import { DEFAULT_STALL_AFTER_MS, DEFAULT_STALL_TIMEOUT_MS } from '../limits.ts';
import { parseDuration } from './units.ts';
import { PROGRESS_MODES, type ProgressMode } from './view/progress-mode.ts';

/** The options that every command takes. */
export interface WatchOptions {
  quiet?: true;
  stallAfter: number;
  stallTimeout: number;
}

/** The options that both ends of a transfer take. */
export interface CommonOptions extends WatchOptions {
  progress: ProgressMode;
  itemize?: true;
  report?: string;
  trace?: string;
  socket?: string;
  connectTimeout: number;
}

/** @param connectMs how long this side waits for the other on --socket */
export function addCommonOptions(command: Command, connectMs: number): Command {
  const connectTimeout = new Option(
    '--connect-timeout <duration>',
    'with --socket or --bootstrap, how long to wait for the other side',
  )
    .argParser(parseDuration)
    .default(connectMs, `${connectMs / 60_000}m`);
  const progress = new Option('--progress <mode>', 'how to show progress on stderr')
    .choices(PROGRESS_MODES)
    .default('auto');
  return addWatchOptions(command.addOption(progress))
    .option('-i, --itemize', 'print a line for each change to OUT, as rsync does')
    .option('--socket <path>', 'connect to the other side over a Unix socket, in both directions')
    .addOption(connectTimeout)
    .option('--report <file>', 'write the outcome to a file as JSON; - is stderr')
    .option('--trace <file>', 'write a timeline of all threads for Perfetto');
}

export function addWatchOptions(command: Command): Command {
  const stallAfter = new Option(
    '--stall-after <duration>',
    'report what is stuck after this long without progress (0: never)',
  )
    .argParser(parseDuration)
    .default(DEFAULT_STALL_AFTER_MS, '10s');
  const stallTimeout = new Option(
    '--stall-timeout <duration>',
    'fail after this long without progress (0: never)',
  )
    .argParser(parseDuration)
    .default(DEFAULT_STALL_TIMEOUT_MS, '5m');
  return command
    .option('-q, --quiet', 'print nothing but errors')
    .addOption(stallAfter)
    .addOption(stallTimeout);
}
