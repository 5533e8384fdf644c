/**
 * What has moved on our side of a transfer so far, by who saw it: the only input for judging stalls and
 * turns. StallDetector and TurnPatience apply this rule:
 *
 * - What we saw ourselves is **progress**: payload that arrived, that left, or that the peer has
 *   acknowledged, and calls of our own disk.
 * - What a peer reports about its own work is a **claim**. Nobody can check it, but a peer with one
 *   large file to hash, or a large commit, has nothing else to show: so it postpones a timeout, up to a
 *   bound.
 * - Everything else is neither: repeated beats, skipped frames, CREDIT, OPEN. Any byte is a sign of
 *   life, which verdicts report and timers ignore.
 */
export interface Movement {
  /** Bytes of streams that arrived, that left, or that are known to have arrived. Only grows. */
  payloadBytes: number;
  /** Calls and bytes of our own disk threads. Only grows. */
  diskWork: number;
  /** How often the peer reported that its work went on. Only grows. */
  claims: number;
  /** One of our own disk threads is in a call: the work is ours. */
  busy: boolean;
  /** Others come first: waiting for a turn is not a stall. */
  queued: boolean;
}

/** What we saw ourselves. */
export function progressOf({ payloadBytes, diskWork }: Movement): number {
  return payloadBytes + diskWork;
}
