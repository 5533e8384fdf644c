import type { CtxsyncError } from '../errors.ts';

/** The writing end of a transport. */
export interface Outgoing {
  /**
   * Hands over all pieces, in order; they must stay unchanged until it settles.
   * @throws CtxsyncError peer-gone, when nobody reads any more
   */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /** Bytes of the pending write that the system has not taken; undefined where that cannot be seen. */
  readonly untakenBytes: number | undefined;
  /** Settles when everything was handed over. Closes what can be closed. */
  end(): Promise<void>;
  /** Gives up at once, whatever is still on its way. */
  destroy(): void;
}

/** The reading end of a transport. */
export interface Incoming {
  /**
   * Hands on what arrives, a piece at a time, valid until `take` is done: as long as its promise is
   * pending nothing more is read. Settles at the end. To be called once.
   * @throws CtxsyncError truncated, when the transport broke; and what `take` throws
   */
  read(take: (bytes: Uint8Array) => Promise<void> | undefined): Promise<void>;
  /** Reads no more; a pending `read` settles. */
  destroy(): void;
}

/** A transport that goes both ways. */
export interface Connection {
  readonly incoming: Incoming;
  /** Not touched before there is something to say. */
  readonly outgoing: Outgoing;
  /** What the transport itself knows of why the peer is gone, added to what the other end saw. */
  explain?(error: CtxsyncError): Promise<CtxsyncError>;
  /** Lets go of what the transport holds beyond its two ends. */
  close?(): Promise<void>;
}

/** Whether the transport goes both ways. */
export function isConnection(transport: Incoming | Outgoing | Connection): transport is Connection {
  return 'incoming' in transport;
}
