/**
 * Every way in which a transfer can fail, one code each. The exit status and the number on the wire
 * are tables over this union, so a new code does not compile until it is mapped.
 */
export type ErrorCode =
  /** A bug in ctxsync. */
  | 'internal'
  /** An invalid option or argument. */
  | 'usage'
  /** An ignore file that is missing or has a bad pattern. */
  | 'bad-ignore-rule'
  /** The context, or a file of it, does not exist. */
  | 'source-missing'
  /** The context contains something that we cannot or may not read. */
  | 'source-unreadable'
  /** A source file grew, shrank, was replaced or vanished while it was read. */
  | 'source-changed'
  /** The destination's disk or quota is full. */
  | 'no-space'
  /** The destination refused a write for any other reason. */
  | 'not-writable'
  /** Another receiver holds the destination. */
  | 'locked'
  /** An entry that would reach outside the destination, or contradicts an earlier one. */
  | 'unsafe-entry'
  /** More bytes or entries than the receiver accepts, or a fixed bound was exceeded. */
  | 'over-limit'
  /** A mirror would delete more than it may, or everything because a context is empty. */
  | 'delete-refused'
  /** The context holds what is rarely meant to be sent, and the sender was told to refuse that. */
  | 'context-refused'
  /** The first bytes are not ctxsync's magic. */
  | 'not-ctxsync'
  /** An invalid or unexpected frame, digest, count or tar header. */
  | 'corrupt'
  /** The two sides have no protocol version in common. */
  | 'version-mismatch'
  /** The bytes ended before the last frame. */
  | 'truncated'
  /** No peer: no receiver listens, no sender connects, or the command cannot be started. */
  | 'no-peer'
  /** Duplex: everything was sent, and the receiver had not confirmed the commit. */
  | 'outcome-unknown'
  /** The other side closed the transport while we were writing. */
  | 'peer-gone'
  /** No progress for longer than the stall timeout. */
  | 'stalled'
  /** The other side failed and reported why. */
  | 'peer-failed'
  /** A signal or the caller's AbortSignal ended the run. */
  | 'interrupted';
