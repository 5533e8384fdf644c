/** A context that comes from elsewhere than our disk: a tar, or the entries of a program. */
export interface Input {
  /** What is waited for, as a message names it. */
  readonly what: string;
  /** Bytes that have come so far. */
  readonly bytes: number;
  /** Settles when all of it is in the ring. @throws CtxsyncError source-unreadable */
  run(): Promise<void>;
  /** Gives up waiting, which no ring can end. */
  destroy(): void;
  /** Milliseconds spent waiting for more; undefined when not waiting. */
  silentMs(now: number): number | undefined;
}

/** An input that is waited for. */
export interface SilentInput {
  what: string;
  silentMs: number;
}
