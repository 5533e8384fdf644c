import { startThreadOf } from './early-thread.ts';
import { replaceStandardStreams } from './standard-streams.ts';

/**
 * Runs the command line, and ends the process.
 * @param argv in the form of process.argv
 */
export async function start(argv: readonly string[]): Promise<never> {
  replaceStandardStreams();
  startThreadOf(argv);
  // Loaded while the thread starts.
  const { exit, main } = await import('./program.ts');
  return exit(await main(argv));
}
