import type { CtxsyncError } from '../errors.ts';

/** The writing end of a transport. */
export interface Outgoing {
  /**
   * Hands over all pieces, in order. They stay unchanged until it settles, and no longer: their memory is
   * then used again.
   * @throws CtxsyncError peer-gone, when nobody reads any more
   */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /** Bytes of the pending write that the system has not taken; undefined where unknown. */
  readonly untakenBytes: number | undefined;
  /** Settles when everything was handed over. Closes what can be closed. */
  end(): Promise<void>;
  /** Gives up at once, whatever is still pending. */
  destroy(): void;
}

/** The reading end of a transport. */
export interface Incoming {
  /**
   * Passes on what arrives, a piece at a time, valid until `take` is done: nothing more is read while
   * its promise is pending. Settles at the end. Call it once.
   * @throws CtxsyncError truncated, when the transport broke; and what `take` throws
   */
  read(take: (bytes: Uint8Array) => Promise<void> | undefined): Promise<void>;
  /** Reads no more; a pending `read` settles. */
  destroy(): void;
}

/** A bidirectional transport. */
export interface Connection {
  readonly incoming: Incoming;
  /** Not touched before there is something to send. */
  readonly outgoing: Outgoing;
  /** Adds to the error what the transport itself knows about why the peer is gone. */
  explain?(error: CtxsyncError): Promise<CtxsyncError>;
  /** Releases what the transport holds besides its two ends. */
  close?(): Promise<void>;
}

/** A connection that we opened ourselves. The transfer closes it; whoever does not use it must. */
export interface ClosableConnection extends Connection {
  /** Releases everything; settles when that is done. May be called again. Never rejects. */
  close(): Promise<void>;
}

/** Whether the transport is bidirectional. */
export function isConnection(transport: Incoming | Outgoing | Connection): transport is Connection {
  return 'incoming' in transport;
}
