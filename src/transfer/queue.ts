/** The queue that a transfer waits in for its destination, as its sender is told of it. */
export interface Queue {
  /** Who comes before: "2 senders ahead". It changes when the queue moves. */
  words: string;
  /** What those have done so far that work: while it grows, waiting for them is no standstill. */
  entries: number;
  bytes: number;
}
