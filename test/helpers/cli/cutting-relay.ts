import type { Socket } from 'node:net';
import { Ring } from '../../../src/flow/ring.ts';
import { Demux } from '../../../src/wire/demux.ts';
import { startProxy, type Between } from './proxy.ts';
import { Recorder } from '../wire/harness.ts';

/** More than a stream of the test holds in its ring at a time. */
const ROOM_BYTES = 2 ** 24;
const PIECE_BYTES = 16 * 1024;
/** FIN is longer: without these bytes it is incomplete, and everything before it is complete. */
const HELD_BYTES = 20;

export interface CuttingRelay extends Between {
  /** Cut after this many bytes of the sender, or in the middle of FIN. */
  after: number | 'all but FIN';
  /** Awaited before the connection is cut. */
  ready: () => Promise<void>;
}

/** A socket for one sender, whose connection is cut where the test wants; answers pass freely. */
export function cuttingRelay(options: CuttingRelay): Promise<void> {
  return startProxy(options, (sender, receiver) => carry(sender, receiver, options));
}

async function carry(
  sender: Socket,
  receiver: Socket,
  { after, ready }: CuttingRelay,
): Promise<void> {
  for (const socket of [sender, receiver]) socket.on('error', () => {}); // that end reports why
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

function lookForFin(): (bytes: Buffer) => boolean {
  const recorder = new Recorder(() => Ring.create(ROOM_BYTES));
  const demux = new Demux(recorder);
  return (bytes) => {
    void demux.push(bytes);
    return recorder.fins.length > 0;
  };
}
