import { TICK_MS } from '../limits.ts';
import type { Side } from '../report.ts';
import type { WireObservation } from './verdict.ts';

/** What the main thread does or waits for; `idle`: nothing more is expected of it. */
export type MainThreadState =
  | 'writing to the transport'
  | 'reading from the transport'
  | 'writing the tar'
  | 'waiting for input'
  | 'waiting for credit'
  | 'waiting for the disk thread'
  | 'waiting for the peer'
  | 'idle';

/** @param diskIsBusy one of our disk threads is in a call */
export function mainThreadState(
  side: Side,
  wire: WireObservation,
  diskIsBusy: boolean,
): MainThreadState {
  if (wire.outputPendingMs !== undefined) return 'writing the tar';
  if (wire.writePendingMs !== undefined) return 'writing to the transport';
  if (wire.inputSilentMs !== undefined) return 'waiting for input';
  if (wire.outOfCredit === true) return 'waiting for credit';
  if (wire.readingBlocked === true) return 'waiting for the disk thread';
  if (side === 'sender') return senderState(wire, diskIsBusy);
  if (!wire.reading) return diskIsBusy ? 'waiting for the disk thread' : 'idle';
  return wire.silentMs < TICK_MS ? 'reading from the transport' : 'waiting for the peer';
}

/** Nothing is left to write at present. */
function senderState({ handedOver, reading }: WireObservation, diskIsBusy: boolean) {
  if (handedOver !== true && (diskIsBusy || !reading)) return 'waiting for the disk thread';
  return reading ? 'waiting for the peer' : 'idle';
}
