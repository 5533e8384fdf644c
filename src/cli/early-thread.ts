import type { Side } from '../report.ts';
import { startEarly } from '../worker/disk-thread.ts';

const SIDES: Readonly<Record<string, Side>> = {
  send: 'sender',
  explain: 'sender',
  receive: 'receiver',
};
/** With these it is not needed, or not at once. */
const WITHOUT_THREAD = new Set(['-h', '--help', '--serve']);

/**
 * Starts the disk thread that a command will need, before the command line is parsed: that takes as long
 * as to load the rest of the program, and happens beside it.
 * @param argv in the form of process.argv
 */
export function startThreadOf(argv: readonly string[]): void {
  const [, , command = '', ...args] = argv;
  const side = Object.hasOwn(SIDES, command) ? SIDES[command] : undefined;
  if (side === undefined || args.length === 0) return;
  if (!args.some((arg) => WITHOUT_THREAD.has(arg))) startEarly(side);
}
