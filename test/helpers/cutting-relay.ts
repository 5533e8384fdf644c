import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Ring } from '../../src/flow/ring.ts';
import { Demux } from '../../src/wire/demux.ts';
import { until } from './until.ts';
import { Recorder } from './wire-harness.ts';
import { existsSync } from 'node:fs';

/** More than a stream of the test has in its ring at a time. */
const ROOM_BYTES = 2 ** 24;
const PIECE_BYTES = 16 * 1024;
/** FIN is longer: without these it does not arrive whole, and all before it does. */
const HELD_BYTES = 20;

export interface CuttingRelay {
  /** Where its sender connects. */
  path: string;
  /** Where the receiver listens, or will. */
  to: string;
  /** Cut after so many bytes of the sender's, or in the middle of FIN. */
  after: number | 'all but FIN';
  /** Waited for before the connection is cut. */
  ready?: () => Promise<void>;
}

/** A socket for one sender; the connection is cut where the test wants it, the answers pass freely. */
export async function cuttingRelay(options: CuttingRelay): Promise<void> {
  const server = createServer({ allowHalfOpen: true });
  server.once('connection', (sender) => {
    server.close();
    void carry(sender, options);
  });
  server.listen(options.path);
  await once(server, 'listening');
}

async function carry(
  sender: Socket,
  { to, after, ready = async () => {} }: CuttingRelay,
): Promise<void> {
  const receiver = await connectTo(to);
  for (const socket of [sender, receiver]) socket.on('error', () => {}); // its own end says why
  receiver.pipe(sender);
  receiver.on('close', () => sender.destroy());
  const sawFin = lookForFin();
  let left = after === 'all but FIN' ? Infinity : after;
  for await (const chunk of sender) {
    let bytes = chunk as Buffer;
    if (sawFin(bytes) && after === 'all but FIN') left = bytes.length - HELD_BYTES;
    const last = left < bytes.length;
    if (last) bytes = bytes.subarray(0, left);
    left -= bytes.length;
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      await new Promise((resolve) => receiver.write(piece, resolve));
    }
    if (last) break;
  }
  await ready();
  receiver.end();
  sender.destroy();
}

/** The file is there a moment before anybody listens. */
async function connectTo(path: string): Promise<Socket> {
  for (;;) {
    await until('the receiver listens', () => existsSync(path));
    const socket = connect({ path, allowHalfOpen: true });
    const connected = await once(socket, 'connect').catch(() => undefined);
    if (connected !== undefined) return socket;
  }
}

function lookForFin(): (bytes: Buffer) => boolean {
  const recorder = new Recorder(() => Ring.create(ROOM_BYTES));
  const demux = new Demux(recorder);
  return (bytes) => {
    void demux.push(bytes);
    return recorder.fins.length > 0;
  };
}
