import type { Socket } from 'node:net';
import { Transform } from 'node:stream';
import { Ring } from '../../../src/flow/ring.ts';
import { Demux } from '../../../src/wire/demux.ts';
import { startProxy, type Between } from './proxy.ts';
import { carryStepwise } from '../wire/stepwise-pipe.ts';
import { Recorder } from '../wire/harness.ts';

/** More than a transfer of the test sends. */
const ROOM_BYTES = 2 ** 22;

export interface RelayOptions extends Between {
  stepBytes: number;
  /** Called before each step, counted from 0. */
  onStep: (step: number) => void | Promise<void>;
  /** FIN came from the sender, and was not passed to the receiver yet. */
  onFin: () => void;
}

/** A socket for one sender: its bytes are carried in steps, the receiver's answers pass freely. */
export function relay(options: RelayOptions): Promise<void> {
  return startProxy(options, (sender, receiver) => carry(sender, receiver, options));
}

async function carry(
  sender: Socket,
  receiver: Socket,
  { stepBytes, onStep, onFin }: RelayOptions,
): Promise<void> {
  sender.on('error', () => {}); // it has ended, and reports why itself
  receiver.pipe(sender);
  receiver.on('close', () => sender.end());
  await carryStepwise(sender.pipe(lookForFin(onFin)), receiver, stepBytes, onStep);
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
