import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { until } from '../until.ts';

/** Connects to a receiver that listens, or will: the file exists a moment before the receiver listens. */
export async function connectTo(path: string, { allowHalfOpen = true } = {}): Promise<Socket> {
  for (;;) {
    await until('the receiver listens', () => existsSync(path));
    const socket = connect({ path, allowHalfOpen });
    const connected = await once(socket, 'connect').catch(() => undefined);
    if (connected !== undefined) return socket;
  }
}
