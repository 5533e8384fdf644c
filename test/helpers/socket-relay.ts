import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { Ring } from '../../src/flow/ring.ts';
import { Demux } from '../../src/wire/demux.ts';
import { carryStepwise } from './stepwise-pipe.ts';
import { until } from './until.ts';
import { Recorder } from './wire-harness.ts';

/** More than a transfer of the test has. */
const ROOM_BYTES = 2 ** 22;

export interface RelayOptions {
  /** Where its sender connects. */
  path: string;
  /** Where the receiver listens, or will. */
  to: string;
  stepBytes: number;
  /** Told before each step, from 0 on. */
  onStep: (step: number) => void | Promise<void>;
  /** FIN came from the sender, and was not handed to the receiver yet. */
  onFin: () => void;
}

/** A socket for one sender: its bytes are carried in steps, the receiver's answers pass freely. */
export async function relay(options: RelayOptions): Promise<void> {
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
  { to, stepBytes, onStep, onFin }: RelayOptions,
): Promise<void> {
  const receiver = await connectTo(to);
  sender.on('error', () => {}); // it has ended, and says why itself
  receiver.pipe(sender);
  receiver.on('close', () => sender.end());
  await carryStepwise(sender.pipe(lookForFin(onFin)), receiver, stepBytes, onStep);
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

/** Passes everything on. */
function lookForFin(onFin: () => void): Transform {
  const recorder = new Recorder(() => Ring.create(ROOM_BYTES));
  recorder.fin = onFin;
  const demux = new Demux(recorder);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      void demux.push(chunk);
      done(null, chunk);
    },
  });
}
