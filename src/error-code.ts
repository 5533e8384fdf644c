/**
 * Every way in which a transfer can fail, one code each. The exit status and the number on the wire
 * are tables over this union, so a new code does not compile until it is mapped.
 */
export type ErrorCode =
  /** A fault of ours: a bug. */
  | 'internal'
  /** An option or argument that cannot be meant. */
  | 'usage'
  /** An ignore file that is missing or has a bad pattern. */
  | 'bad-ignore-rule'
  /** The context, or a file of it, is not there. */
  | 'source-missing'
  /** The context has something that we may not or cannot read. */
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
  /** More bytes or entries than the receiver takes, or a fixed bound exceeded. */
  | 'over-limit'
  /** A mirror would delete more than it may, or everything because a context is empty. */
  | 'delete-refused'
  /** The first bytes are not ctxsync's magic. */
  | 'not-ctxsync'
  /** A frame, digest, count or tar header that is not what it has to be. */
  | 'corrupt'
  /** No protocol version that both sides speak. */
  | 'version-mismatch'
  /** The bytes ended before the last frame. */
  | 'truncated'
  /** Nobody there: no receiver listens, no sender came, the command cannot be started. */
  | 'no-peer'
  /** Duplex: all was sent, and the connection ended without a receipt. */
  | 'outcome-unknown'
  /** The other side closed the transport while we were writing. */
  | 'peer-gone'
  /** No progress for longer than the stall timeout. */
  | 'stalled'
  /** The other side failed and said why. */
  | 'peer-failed'
  /** A signal or the caller's AbortSignal ended the run. */
  | 'interrupted';
