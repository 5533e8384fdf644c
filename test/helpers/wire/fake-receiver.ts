import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { Ring } from '../../../src/flow/ring.ts';
import { Demux, type IncomingStream } from '../../../src/wire/demux.ts';
import type { End, Fin, Hello } from '../../../src/wire/messages.ts';
import { Mux } from '../../../src/wire/mux.ts';
import { allFrames, HELLO, Recorder } from './harness.ts';

const ROOM_BYTES = 2 ** 20;

/** What a receiver of the test does when its sender sends something. */
export interface Manners {
  /** Changes to the HELLO that it answers with. */
  hello?: Partial<Hello>;
  /** It has answered. */
  onHello?: (peer: Peer) => void;
  /** A stream has ended. */
  onEnd?: (peer: Peer, stream: IncomingStream) => void;
  /** When all has arrived. */
  onFin: (peer: Peer, fin: Fin) => void;
}

export interface Peer {
  mux: Mux;
  socket: Socket;
  transferId: string;
  /** What arrived; the test reads its rings if it wants to. */
  recorder: Recorder;
  /** Sends the frames that the mux has. */
  flush: () => void;
}

/** A receiver that the test controls: it follows the protocol, and commits nothing. */
export async function fakeReceiver(path: string, manners: Manners): Promise<void> {
  const server = createServer((socket) => serve(socket, manners));
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(path);
  await once(server, 'listening');
}

function serve(socket: Socket, { hello = {}, onHello, onEnd, onFin }: Manners): void {
  let peer: Peer | undefined;
  const recorder = new (class extends Recorder {
    override hello(said: Hello): void {
      const { transferId } = said;
      const mux = new Mux({
        ...HELLO,
        mode: 'duplex',
        role: 'receiver',
        credit: ROOM_BYTES,
        transferId,
        ...hello,
      });
      const flush = (): void => {
        for (const frame of allFrames(mux)) socket.write(frame);
      };
      mux.setFirstCredit(said.credit);
      peer = { mux, socket, transferId, recorder, flush };
      flush();
      onHello?.(peer);
    }

    override end(stream: IncomingStream, end: End): void {
      super.end(stream, end);
      onEnd?.(peer!, stream);
    }

    raised(id: number, limit: number): void {
      peer!.mux.grant(id, limit);
      peer!.flush();
    }

    override fin(fin: Fin): void {
      onFin(peer!, fin);
    }
  })(() => Ring.create(ROOM_BYTES));
  const demux = new Demux(recorder);
  socket.on('data', (chunk: Buffer) => void demux.push(chunk));
  socket.on('error', () => {}); // the sender reports why
}
