import { startWorkersBy, type StartWorker } from '../worker/start-worker.ts';
import { startThreadOf } from './early-thread.ts';
import { readOwnFileBy } from './own-file.ts';
import { replaceStandardStreams } from './standard-streams.ts';

/** What the single file gives to the program in it. */
export interface SingleFile {
  startWorker: StartWorker;
  /** The bytes of the file. @throws when it did not come from a file */
  readSelf: () => Uint8Array;
}

/** Runs the command line of this process. */
export function start({ startWorker, readSelf }: SingleFile): void {
  // Only a proven success clears it: a promise that never settles must not end as 0.
  process.exitCode = 1;
  replaceStandardStreams();
  startWorkersBy(startWorker);
  readOwnFileBy(readSelf);
  startThreadOf(process.argv);
  void run();
}

/** The rest is loaded beside the disk thread. */
async function run(): Promise<void> {
  const [{ main }, { exit }] = await Promise.all([import('./main.ts'), import('./exit.ts')]);
  await exit(await main(process.argv));
}
