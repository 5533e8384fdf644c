import { CtxsyncError } from '../errors.ts';
import { peerOf } from '../observe/peer-of.ts';
import type { PeerError, Role } from '../wire/messages.ts';

/** The content of ERROR. @param us our role; the failure may be the peer's own, sent back */
export function toPeerError(error: CtxsyncError, us: Role): PeerError {
  const { code, message, path, remedy, forPeer } = error;
  const origin = code === 'peer-failed' ? peerOf(us) : us;
  if (forPeer !== undefined) return { code, origin, message: forPeer, path: undefined };
  return { code, origin, message, path, remedy };
}

/** The peer's ERROR as an error of this side. */
export function peerFailed(peer: Role, { code, message, path, remedy }: PeerError): CtxsyncError {
  return new CtxsyncError('peer-failed', `the ${peer} failed: ${message}`, {
    path,
    remedy,
    peer: { code, message },
  });
}
