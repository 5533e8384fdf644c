import type { Side } from '../report.ts';

/** The other end of the transfer. */
export function peerOf(side: Side): Side {
  return side === 'sender' ? 'receiver' : 'sender';
}
