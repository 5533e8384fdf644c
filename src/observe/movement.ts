/**
 * What has moved on our side of a transfer so far, by who saw it: all that stalls and turns are judged
 * by. The rule, which StallDetector and TurnPatience apply:
 *
 * - What we saw ourselves is **progress**: payload that arrived, that left, or that the peer has
 *   acknowledged, and calls of our own disk.
 * - What a peer reports of its own work is a **claim**. Nobody can check it, and a peer with one large
 *   file to hash, or a large commit, has nothing else to show: so it puts a time-out off, and only up
 *   to a bound.
 * - Everything else is neither: beats that repeat themselves, frames that are skipped, CREDIT, OPEN.
 *   Any byte is a sign of life, which a verdict tells, and no timer heeds.
 */
export interface Movement {
  /** Bytes of streams that arrived, that left, or that are known to have arrived. Only grows. */
  payloadBytes: number;
  /** Calls and bytes of our own disk threads. Only grows. */
  diskWork: number;
  /** How often the peer reported that its work went on. Only grows. */
  claims: number;
  /** One of our own disk threads is in a call: it is we who are at work. */
  busy: boolean;
  /** Others come first: waiting for a turn is no stall. */
  queued: boolean;
}

/** What we saw ourselves. */
export function progressOf({ payloadBytes, diskWork }: Movement): number {
  return payloadBytes + diskWork;
}
