import { startEarly } from '../worker/disk-thread.ts';

const SIDES = { send: 'sender', receive: 'receiver' } as const;
/** With these it is not needed, or not at once. */
const WITHOUT_THREAD = new Set(['-h', '--help', '--serve']);

/**
 * Starts the disk thread that a command will need, before the command line is parsed: that takes as long
 * as to load the rest of the program, and happens beside it.
 * @param argv in the form of process.argv
 */
export function startThreadOf(argv: readonly string[]): void {
  const [, , command = '', ...args] = argv;
  if (command !== 'send' && command !== 'receive') return;
  if (args.length > 0 && !args.some((arg) => WITHOUT_THREAD.has(arg))) startEarly(SIDES[command]);
}
