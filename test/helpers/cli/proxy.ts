import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { connectTo } from './connect-to.ts';

export interface Between {
  /** Where the sender connects. */
  path: string;
  /** Where the receiver listens, or will. */
  to: string;
}

/** A socket for one sender: `carry` gets its connection, and one to the receiver. */
export async function startProxy(
  { path, to }: Between,
  carry: (sender: Socket, receiver: Socket) => Promise<void>,
): Promise<void> {
  const server = createServer({ allowHalfOpen: true });
  server.once('connection', (sender) => {
    server.close();
    void connectTo(to).then((receiver) => carry(sender, receiver));
  });
  server.listen(path);
  await once(server, 'listening');
}
