/** The queue in which a transfer waits for its destination, as reported to its sender. */
export interface Queue {
  /** Text such as "2 senders ahead", which changes when the queue moves. */
  words: string;
  /** What the working transfers have done so far: while it grows, waiting for them is not a stall. */
  entries: number;
  bytes: number;
}
