import type { TransferEvent } from '../../observe/events.ts';

/** Shows people, or programs, what a run tells. It never throws, whatever becomes of the stream. */
export interface ProgressView {
  /** It shows progress where the peer's would show too: what a sender's HELLO says. */
  readonly speaks: boolean;
  handle(event: TransferEvent): void;
  /** Takes away what should not stay; settles when all else was handed to the system. */
  close(): Promise<void>;
}
