import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BIN, startInTest, type Outcome, type Started } from './cli.ts';
import { workNames, type Sandbox } from '../trees/sandbox.ts';
import { until } from '../until.ts';

export interface BothSides {
  sender: Started;
  receiver: Started;
}

export function socketOf({ directory }: { directory: string }): string {
  return join(directory, 'socket');
}

/** A receiver that already listens. */
export async function startReceiver(socket: string, args: readonly string[]): Promise<Started> {
  const receiver = startInTest(['receive', ...args, '--socket', socket]);
  const ended = (): boolean => receiver.child.exitCode !== null;
  await until('the receiver listens', () => existsSync(socket) || ended());
  return receiver;
}

/** Starts both sides, the receiver first. */
export async function startOverSocket(
  { socket }: { socket: string },
  send: readonly string[],
  receive: readonly string[],
): Promise<BothSides> {
  const receiver = await startReceiver(socket, receive);
  const sender = startInTest(['send', ...send, '--socket', socket]);
  return { sender, receiver };
}

/** Runs both sides to completion. */
export async function overSocket(
  sandbox: { directory: string },
  send: readonly string[],
  receive: readonly string[],
): Promise<{ send: Outcome; receive: Outcome }> {
  const { sender, receiver } = await startOverSocket({ socket: socketOf(sandbox) }, send, receive);
  return bothEnds({ sender, receiver });
}

export async function bothEnds({
  sender,
  receiver,
}: BothSides): Promise<{ send: Outcome; receive: Outcome }> {
  const [send, receive] = await Promise.all([sender.done, receiver.done]);
  return { send, receive };
}

/** The command line after "--". */
export function receiveCommand(...args: string[]): string[] {
  return ['--', process.execPath, BIN, 'receive', ...args];
}

/** More than credit and buffers let through while the receiver does not consume. */
export function addBigFile({ context }: { context: string }, bytes = 96 * 1024 * 1024): void {
  mkdirSync(context, { recursive: true });
  const big = join(context, 'big.bin');
  writeFileSync(big, '');
  truncateSync(big, bytes);
}

/** Waits until the receiver of a big context has begun its work. */
export function receives({ out }: Pick<Sandbox, 'out'>): Promise<void> {
  return until('the receiver has its stage', () => workNames(out).length === 2);
}

/** Process IDs, except the sender's, whose command lines contain this text. */
export function processesWith(text: string, sender: Started): number[] {
  const ids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return ids.filter((id) => {
    if (id === sender.child.pid || id === process.pid) return false;
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(text);
    } catch {
      return false; // it has just ended
    }
  });
}
